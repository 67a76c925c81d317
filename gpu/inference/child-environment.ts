const secretName = /KEY|TOKEN|SECRET|PASSWORD|NONCE/i;

/** Our environment without secrets: the children need none. */
export function childEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !secretName.test(name)));
}
