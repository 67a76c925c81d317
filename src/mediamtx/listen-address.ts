import { networkInterfaces } from "node:os";

/** A listener's address; an empty host stands for every address. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** A port that somebody else holds, or may not be opened; names the setting that moves it. */
export class PortTakenError extends Error {
  override readonly name = "PortTakenError";
  constructor(
    readonly setting: string,
    readonly address: ListenAddress,
    reason: string,
  ) {
    super(
      `${setting}: ${formatAddress(address)} cannot be listened on (${reason}); ` +
        `end the program that holds it, or set ${setting} to another address`,
    );
  }
}

/** `host:port` as MediaMTX and URLs take it; an IPv6 host stands in brackets. */
export function formatAddress(address: ListenAddress): string {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** True when only this machine can reach the listener. */
export function isLoopback(host: string): boolean {
  const plain = host.replace(/^::ffff:/i, "").toLowerCase();
  return plain === "localhost" || plain === "::1" || /^127(\.\d{1,3}){3}$/.test(plain);
}

/** The address under which we ourselves reach a listener: loopback when it listens on every address. */
export function reachableFromHere(address: ListenAddress): ListenAddress {
  const everywhere = address.host === "" || address.host === "0.0.0.0" || address.host === "::";
  return everywhere ? { host: "127.0.0.1", port: address.port } : address;
}

/** The first address of this machine that others can reach, for the addresses that `serve` prints. */
export function outwardHost(address: ListenAddress): string {
  const everywhere = address.host === "" || address.host === "0.0.0.0" || address.host === "::";
  if (!everywhere) return address.host;
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const outward = addresses.find((entry) => entry.family === "IPv4" && !entry.internal);
  return outward?.address ?? "127.0.0.1";
}

/**
 * Makes sure that a listener can be opened, and fills in a free port where 0 was asked for.
 *
 * @throws {PortTakenError} naming the setting
 */
export function claimAddress(setting: string, address: ListenAddress): ListenAddress {
  try {
    const probe = Bun.listen({
      hostname: address.host === "" ? "0.0.0.0" : address.host,
      port: address.port,
      socket: { data() {} },
    });
    const port = probe.port;
    probe.stop(true);
    return { host: address.host, port };
  } catch (error) {
    throw new PortTakenError(setting, address, reasonOf(error));
  }
}

/** Why a listener could not be opened, in words. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  if (code === "EADDRINUSE") return "the port is in use";
  if (code === "EACCES") return "ports below 1024 need root";
  if (code === "EADDRNOTAVAIL") return "this machine has no such address";
  return message;
}
