import { type NetWish, presentNets } from "../../separation/choose-net.ts";
import { bad, good, type Finding } from "./finding.ts";

/** Which net separates beds from speech, of those that are there. */
export function checkSeparation(
  wish: NetWish,
  environment: Readonly<Record<string, string | undefined>>,
): Finding {
  const name = "separation";
  if (wish === "off") return good(name, "off: dubs lie over the ducked original");
  const present = presentNets(environment);
  const chosen = wish === "auto" ? present[0] : present.find((net) => net === wish);
  const there = present.length === 0 ? "none" : present.join(", ");
  if (chosen === undefined) {
    if (wish === "auto") return good(name, "no net is there: dubs lie over the ducked original");
    const fix = "add its weights under separation/ in the models folder, or set auto";
    return bad(name, `WORKER_SEPARATION=${wish} is not there (${there})`, fix);
  }
  return good(name, `${chosen} (there: ${there})`);
}
