import { connect } from "node:net";
import type { Destination } from "../../config/egress.ts";
import type { EdgeConfig } from "../../config/edge-config.ts";
import { destinationLabel } from "../../egress/destination-label.ts";
import { bad, good, type Finding } from "./finding.ts";

const connectWithinMs = 5000;
const usualPort: Readonly<Record<string, number>> = { "rtmp:": 1935, "rtmps:": 443 };

/** Every RTMP destination's host, dialled; nothing is published, so the stream key stays untried. */
export async function checkDestinations(config: EdgeConfig): Promise<Finding[]> {
  const ids = new Set([...config.streams.keys(), ...config.egressRules.keys()]);
  const all = [...ids].flatMap((id) => {
    const list = config.egressRules.get(id) ?? config.streams.get(id)?.egress ?? [];
    return list.map((destination) => ({ id, destination }));
  });
  return Promise.all(all.map(({ id, destination }) => checkOne(id, destination)));
}

async function checkOne(streamId: string, { name, url }: Destination): Promise<Finding> {
  const title = `egress ${streamId} → ${name}`;
  const { protocol, hostname, port } = new URL(url);
  const { destHost } = destinationLabel(url);
  if (protocol === "srt:") return good(title, `${destHost} (SRT: can only be tried by publishing)`);
  const problem = await dial(
    hostname.replaceAll(/[[\]]/g, ""),
    Number(port) || usualPort[protocol] || 1935,
  );
  if (problem === undefined)
    return good(title, `${destHost} can be reached (the key is not tried)`);
  return bad(
    title,
    `${destHost} cannot be reached: ${problem}`,
    "check the host's name and this machine's network",
  );
}

function dial(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (problem: string | undefined) => {
      socket.destroy();
      resolve(problem);
    };
    socket.setTimeout(connectWithinMs, () => end(`no answer in ${connectWithinMs} ms`));
    socket.once("connect", () => end(undefined));
    socket.once("error", (error) => end(error.message));
  });
}
