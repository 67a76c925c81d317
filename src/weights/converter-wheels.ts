import type { WheelPin } from "./wheels.ts";

/**
 * What the converters import, with all that it needs itself. The hashes are those of the Linux x86-64 builds
 * for Python 3.11 to 3.14.
 */
export const converterWheels: readonly WheelPin[] = [
  {
    name: "numpy",
    version: "2.4.6",
    sha256: [
      "89cd468399cfd2504718f0ba50e410dca55a170b61a02ad92bb18c8a65186e93",
      "90f9849678c75fe7afa2d348ac842c168b0a4d3d61919687216dfc547976d853",
      "a7830bab239b79cda9c08c2da014761cafb48da6150e1da17ac06283f43b6089",
      "a2c306dea656c12c68f51f4cea133cbe78ca7435eb28c735eac1d3ebe73be6e8",
    ],
    approximateBytes: 16_918_164,
  },
  {
    name: "onnx",
    version: "1.23.2",
    sha256: [
      "c03ecf6b835d136108eeaeeafbd0026fc7b3cf98661409fbc6b63d5a29361348",
      "7abf381d278f31ac62487fddedc9dd42da842dce94d5d43536836ee3efdf4a2b",
    ],
    approximateBytes: 8_886_609,
  },
  {
    name: "protobuf",
    version: "7.36.2",
    sha256: ["89f23aa53c24553a2416fd4fd1ec06f74fa42b14b546d8883128813f775bbfd2"],
    approximateBytes: 343_223,
  },
  {
    name: "ml_dtypes",
    version: "0.6.0",
    sha256: [
      "6c8e39b53e90afda8ce52859c93de4dba3e02b76d85dcf091cc469f9184c6dae",
      "3b4a480aa8fd54a1805b8ac10f3f91763926a74f73c0c364c10f9231854f4170",
      "26b1f1fa4f0435a2946859823f6e2bf06796f1e9f10f5a05b08a5e3c8f46ff69",
      "8f490c003369ce60e514a0c3b12374f05274c101fee1bead6740ec8a564032b0",
    ],
    approximateBytes: 412_043,
  },
  {
    name: "typing_extensions",
    version: "4.16.0",
    sha256: ["481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8"],
    approximateBytes: 45_571,
  },
  {
    name: "sentencepiece",
    version: "0.2.3",
    sha256: [
      "141dc0bef1e28a5cf7e41c8354ad6cc14525758278045286dcb5429b9906d39f",
      "cc3189b79c1ffda767f71b04238c27ac746f3b7abc263eab9a41c4cf46aee49e",
      "4d82f2a0f704f5d0cf027bc8cc5ad49e23c11a9cc0b5bd08ca51985917963bf5",
      "22dce81a65b8a1819eef9fef4970d6581ea0cbde7f58fbbbb42521535eba15e2",
    ],
    approximateBytes: 1_713_961,
  },
];
