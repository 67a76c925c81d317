import { dlopen, FFIType, ptr } from "bun:ffi";
import type { GpuLoad } from "./metrics.ts";

/** NVIDIA's management library, which comes with the driver; the calls used are stable since 2013. */
const libraryName = "libnvidia-ml.so.1";
const success = 0;

const symbols = {
  nvmlInit_v2: { args: [], returns: FFIType.i32 },
  nvmlShutdown: { args: [], returns: FFIType.i32 },
  nvmlDeviceGetHandleByIndex_v2: { args: [FFIType.u32, FFIType.ptr], returns: FFIType.i32 },
  /** Fills `{ unsigned gpu; unsigned memory; }`, percent. */
  nvmlDeviceGetUtilizationRates: { args: [FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
  /** Fills `{ unsigned long long total, free, used; }`, bytes. */
  nvmlDeviceGetMemoryInfo: { args: [FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
} as const;

/** Reads the load of the first GPU at an interval; says undefined where there is no driver. */
export class GpuMonitor {
  #library: ReturnType<typeof dlopen<typeof symbols>> | undefined;
  #device = 0n;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly intervalS: number,
    private readonly report: (load: GpuLoad | undefined) => void,
  ) {}

  /** @returns false when there is no driver to ask */
  start(): boolean {
    try {
      this.#library = dlopen(libraryName, symbols);
    } catch {
      return false;
    }
    const nvml = this.#library.symbols;
    const handle = new BigUint64Array(1);
    if (nvml.nvmlInit_v2() !== success) return false;
    if (nvml.nvmlDeviceGetHandleByIndex_v2(0, ptr(handle)) !== success) return false;
    this.#device = handle[0] ?? 0n;
    this.report(this.read());
    this.#timer = setInterval(() => this.report(this.read()), this.intervalS * 1000);
    return true;
  }

  /** One reading; undefined when the driver refuses it. */
  read(): GpuLoad | undefined {
    const nvml = this.#library?.symbols;
    if (nvml === undefined) return undefined;
    const rates = new Uint32Array(2);
    const memory = new BigUint64Array(3);
    if (nvml.nvmlDeviceGetUtilizationRates(this.#device, ptr(rates)) !== success) return undefined;
    if (nvml.nvmlDeviceGetMemoryInfo(this.#device, ptr(memory)) !== success) return undefined;
    return { utilizationPercent: rates[0] ?? 0, memoryUsedBytes: Number(memory[2] ?? 0n) };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#library?.symbols.nvmlShutdown();
    this.#library?.close();
    this.#library = undefined;
  }
}
