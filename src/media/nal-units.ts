/**
 * NAL units inside FLV's H.264 tags: length-prefixed as in ISO/IEC 14496-15 ("AVCC"), the prefix's
 * size given by the decoder configuration record.
 */

/** H.264 NAL unit types that are named here (ITU-T H.264, table 7-1). */
export const h264NalType = { slice: 1, idrSlice: 5, sei: 6, sps: 7, pps: 8, aud: 9 } as const;

/** Bytes of an FLV H.264 tag before the NAL units or the configuration record. */
export const avcTagHeadBytes = 5;

/** Type of an H.264 NAL unit; an empty unit has none and gives 0. */
export function h264Type(nal: Uint8Array): number {
  return (nal[0] ?? 0) & 0x1f;
}

/**
 * Size of the length prefixes by an AVCDecoderConfigurationRecord: 1, 2 or 4 bytes.
 * @throws {RangeError} when the record is too short or of another version
 */
export function nalLengthBytes(configuration: Uint8Array): number {
  if (configuration.length < 5 || configuration[0] !== 1) {
    throw new RangeError("no AVC decoder configuration record");
  }
  return ((configuration[4] as number) & 3) + 1;
}

/**
 * The parameter sets (SPS, then PPS) of an AVCDecoderConfigurationRecord, each with a 4-byte length prefix.
 * @throws {RangeError} when the record is cut short
 */
export function prefixedParameterSets(configuration: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 5;
  for (const countMask of [0x1f, 0xff]) {
    const count = (configuration[at++] ?? 0) & countMask;
    for (let n = 0; n < count; n++) {
      const length = ((configuration[at] ?? 0) << 8) | (configuration[at + 1] ?? 0);
      const end = at + 2 + length;
      if (end > configuration.length) throw new RangeError("a parameter set is cut short");
      parts.push(
        Uint8Array.of(0, 0, length >> 8, length & 0xff),
        configuration.subarray(at + 2, end),
      );
      at = end;
    }
  }
  return Buffer.concat(parts);
}

/**
 * The NAL units of one access unit, as views without their prefixes.
 * @throws {RangeError} when a prefix points past the end
 */
export function splitNalUnits(accessUnit: Uint8Array, lengthBytes = 4): Uint8Array[] {
  const units: Uint8Array[] = [];
  let at = 0;
  while (at < accessUnit.length) {
    let length = 0;
    for (let k = 0; k < lengthBytes; k++) length = length * 256 + (accessUnit[at + k] ?? 0);
    const end = at + lengthBytes + length;
    if (end > accessUnit.length) throw new RangeError("a NAL unit runs past its access unit");
    units.push(accessUnit.subarray(at + lengthBytes, end));
    at = end;
  }
  return units;
}

/** True when the access unit holds an IDR slice: every decoder can begin with it. */
export function holdsIdr(accessUnit: Uint8Array, lengthBytes = 4): boolean {
  return splitNalUnits(accessUnit, lengthBytes).some(
    (nal) => h264Type(nal) === h264NalType.idrSlice,
  );
}
