/** Bits of a byte sequence, most significant first; reads past the end throw. */
export class BitReader {
  constructor(
    private readonly bytes: Uint8Array,
    /** The next bit. */
    public at = 0,
  ) {}

  /** @throws {RangeError} past the end */
  bit(): number {
    const byte = this.bytes[this.at >> 3];
    if (byte === undefined) throw new RangeError("the bits end too early");
    return (byte >> (7 - (this.at++ & 7))) & 1;
  }

  /** An unsigned number of so many bits, at most 32. */
  unsigned(count: number): number {
    let value = 0;
    for (let n = 0; n < count; n++) value = value * 2 + this.bit();
    return value;
  }

  skip(count: number): void {
    this.at += count;
  }

  /** An Exp-Golomb code, `ue(v)` in ITU-T H.264 and H.265. */
  exponential(): number {
    let zeros = 0;
    while (this.bit() === 0) if (++zeros > 31) throw new RangeError("no Exp-Golomb code");
    return 2 ** zeros - 1 + this.unsigned(zeros);
  }
}

/** Writes an unsigned number over the bits from `at` on. */
export function writeBits(bytes: Uint8Array, at: number, count: number, value: number): void {
  for (let n = 0; n < count; n++) {
    const bit = at + n;
    const mask = 1 << (7 - (bit & 7));
    const isSet = Math.floor(value / 2 ** (count - 1 - n)) % 2 === 1;
    bytes[bit >> 3] = ((bytes[bit >> 3] ?? 0) & ~mask) | (isSet ? mask : 0);
  }
}
