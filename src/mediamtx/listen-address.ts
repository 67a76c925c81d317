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

/** An address that was asked for, with the setting it came from. */
export interface AddressClaim {
  readonly setting: string;
  readonly address: ListenAddress;
}

/**
 * Makes sure that listeners can be opened, and fills in free ports where 0 was asked for. All are held
 * until the last one is sure, so that no two get the same port.
 *
 * @throws {PortTakenError} naming the setting
 */
export function claimAddresses(claims: readonly AddressClaim[]): ListenAddress[] {
  const held: Bun.TCPSocketListener[] = [];
  try {
    return claims.map(({ setting, address }) => {
      const { host, port } = address;
      try {
        const hostname = host === "" ? "0.0.0.0" : host;
        const probe = Bun.listen({ hostname, port, socket: { data() {} } });
        held.push(probe);
        return { host, port: probe.port };
      } catch (error) {
        throw new PortTakenError(setting, address, reasonOf(error));
      }
    });
  } finally {
    for (const probe of held) probe.stop(true);
  }
}

/** {@link claimAddresses} for one listener alone. */
export function claimAddress(setting: string, address: ListenAddress): ListenAddress {
  const [claimed] = claimAddresses([{ setting, address }]);
  return claimed ?? address;
}

/** Why a listener could not be opened, in words. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  if (code === "EADDRINUSE") return "the port is in use";
  if (code === "EACCES") return "ports below 1024 need root";
  if (code === "EADDRNOTAVAIL") return "this machine has no such address";
  return message;
}
