/** What our own children need of our environment; secrets and everything else stay with us. */
const passedOn = [
  "PATH",
  "HOME",
  "TMPDIR",
  "TZ",
  "LANG",
  "LD_LIBRARY_PATH",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "XDG_CACHE_HOME",
  "LIVEDUB_CACHE_DIR",
  "LIVEDUB_MODELS_DIR",
  "FFMPEG_BIN",
  "LOG_LEVEL",
  "LOG_FORMAT",
  "LOG_STDOUT",
];

/** The environment of relays and workers: settings reach them over their channel, secrets too. */
export function childEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    passedOn.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}
