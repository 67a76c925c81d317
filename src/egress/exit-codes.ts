/** How an egress process ends (contract 6.4); its supervisor's policy reads only this. */
export const egressExitCodes = {
  /** Disabled, or asked to stop. */
  stopped: 0,
  /** The destination or another setting is missing or wrong: trying again cannot help. */
  configuration: 10,
  /** The dubbed feed did not come within the grace time. */
  inputNotReady: 20,
  /** The destination refuses us: wrong key, or somebody publishes there already. */
  destinationRefuses: 30,
  /** Network or I/O trouble towards the destination. */
  transient: 40,
  /** FFmpeg could not be run, or died of something else. */
  internal: 50,
} as const;

export type EgressExitCode = (typeof egressExitCodes)[keyof typeof egressExitCodes];
