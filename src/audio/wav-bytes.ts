export const wavHeaderBytes = 44;
/** What the format's 32-bit sizes can tell. */
export const maxWavDataBytes = 0xffffffff - wavHeaderBytes;

/** A whole WAV file of 16-bit PCM in memory. @param pcm s16le, interleaved */
export function wavBytes(pcm: Uint8Array, rateHz: number, channels: number): Uint8Array {
  const file = new Uint8Array(wavHeaderBytes + pcm.length);
  file.set(wavHeader(pcm.length, rateHz, channels));
  file.set(pcm, wavHeaderBytes);
  return file;
}

/** The header of a WAV file with so many bytes of 16-bit PCM. */
export function wavHeader(dataBytes: number, rateHz: number, channels: number): Uint8Array {
  const header = new Uint8Array(wavHeaderBytes);
  const view = new DataView(header.buffer);
  const text = (at: number, word: string) => header.set(new TextEncoder().encode(word), at);
  const frameBytes = channels * 2;
  text(0, "RIFF");
  view.setUint32(4, wavHeaderBytes - 8 + dataBytes, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, channels, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, rateHz * frameBytes, true);
  view.setUint16(32, frameBytes, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, dataBytes, true);
  return header;
}
