import { streamAlerts, type Alert, type StreamRow } from "./alerts.ts";
import { html, type Markup } from "./markup.ts";
import { ago, bytes, count, milliseconds } from "./quantity.ts";

type PartialText = NonNullable<NonNullable<StreamRow["worker"]["status"]>["partial"]>;

const shownEvents = 6;
const stateLevel: Readonly<Record<StreamRow["state"], string>> = {
  idle: "dim",
  starting: "warn",
  running: "good",
  grace: "warn",
  degraded: "bad",
  stopping: "dim",
};

/** One stream: what is wrong first, then its figures, its last words, its destinations, its addresses. */
export function streamCard(stream: StreamRow, now: Date): Markup {
  const { streamId, state, sourceLanguage, targetLanguage } = stream;
  return html`<section id="stream-${streamId}">
    <div class="title">
      <h2>${streamId}</h2>
      <span class="badge ${stateLevel[state]}">${state}</span>
      <span class="dim">${sourceLanguage} → ${targetLanguage}</span>
      <span class="dim">since ${ago(stream.startedAt, now)}</span>
    </div>
    ${alertList(streamAlerts(stream))} ${facts(stream)} ${lastText(stream)} ${egressTable(stream)}
    ${addresses(stream)} ${events(stream)}
  </section>`;
}

/** Alerts as a list, or nothing. */
export function alertList(alerts: readonly Alert[]): Markup {
  if (alerts.length === 0) return html``;
  return html`<ul class="alerts">
    ${alerts.map(
      ({ level, text, loud }) => html`<li class="${loud === true ? "loud" : level}">${text}</li>`,
    )}
  </ul>`;
}

function facts(stream: StreamRow): Markup {
  const { relay, worker, fragments, publisher, playoutDelayMs } = stream;
  const measured = relay.status;
  const sts = worker.status?.sts;
  const reasons = Object.entries(fragments.reasons).toSorted(([, a], [, b]) => b - a);
  const late = measured?.lateMs ?? null;
  return html`<dl class="facts">
    ${fact("playing", measured?.playing ?? "–", measured?.state)}
    ${fact("delay", milliseconds(playoutDelayMs), late === null ? null : `+ ${milliseconds(late)}`)}
    ${fact("sound − picture", milliseconds(measured?.avDeltaMs ?? null))}
    ${fact("engine", sts?.engine ?? "–", sts?.state)}
    ${fact("circuit breaker", worker.status?.breaker ?? "–", inFlight(worker.status?.inflight))}
    ${fact("dubbed", count(fragments.dubbed), "fragments")}
    ${fact("partial", count(fragments.partial))}
    ${fact(
      "fallback",
      count(fragments.fallback),
      reasons.slice(0, 4).map(([reason, times]) => html`<span>${reason} ${count(times)}×</span>`),
    )}
    ${fact("no speech", count(fragments.noSpeech))}
    ${fact(
      "publisher",
      publisher === null ? "away" : publisher.type,
      publisher === null
        ? null
        : `${publisher.tracks.join(", ")} · ${bytes(publisher.inboundBytes)}`,
    )}
  </dl>`;
}

function fact(name: string, value: string, note?: string | null | readonly Markup[]): Markup {
  const small =
    note === null || note === undefined || note.length === 0 ? "" : html`<small>${note}</small>`;
  return html`<div>
    <dt>${name}</dt>
    <dd>${value} ${small}</dd>
  </div>`;
}

function inFlight(fragments: number | undefined): string | null {
  return fragments === undefined ? null : `${count(fragments)} in flight`;
}

function lastText({ worker, sourceLanguage, targetLanguage }: StreamRow): Markup {
  const last = worker.status?.lastText ?? null;
  const partial = worker.status?.partial ?? null;
  if (last === null && partial === null) return html``;
  return html`<div class="texts">
    <div>
      <h3>said (${sourceLanguage})</h3>
      <p lang="${sourceLanguage}">${last?.source ?? ""}</p>
      ${partial === null ? "" : beingSaid(partial, sourceLanguage)}
    </div>
    <div>
      <h3>dubbed (${targetLanguage})</h3>
      <p lang="${targetLanguage}">${last?.translated ?? ""}</p>
    </div>
  </div>`;
}

/** What may still change is dim. */
function beingSaid({ text, stableChars }: PartialText, language: string): Markup {
  return html`<p lang="${language}">
    … ${text.slice(0, stableChars)}<span class="dim">${text.slice(stableChars)}</span>
  </p>`;
}

function egressTable({ egress }: StreamRow): Markup {
  if (egress.length === 0) return html``;
  const rows = egress.map((one) => {
    const fails = one.lastError !== null || ["cooldown", "retrying", "failed"].includes(one.state);
    const level = one.state === "forwarding" ? "good" : fails ? "bad" : "dim";
    const error = one.lastError === null ? "" : `${one.lastError.kind}: ${one.lastError.message}`;
    return html`<tr>
      <td class="long">
        ${one.destination}
        <div class="dim">
          <code>${one.destHost}${one.destApp === "" ? "" : `/${one.destApp}`}</code>
        </div>
      </td>
      <td class="${level}"><strong>${one.state}</strong></td>
      <td class="num">${bytes(one.bytesOut)}</td>
      <td class="num">${count(one.restarts)}</td>
      <td class="dim long">${error}</td>
    </tr>`;
  });
  return html`<h3>egress</h3>
    <table>
      <tr>
        <th>destination</th>
        <th>state</th>
        <th>sent</th>
        <th>restarts</th>
        <th>last error</th>
      </tr>
      ${rows}
    </table>`;
}

function addresses({ watch, outAvailable }: StreamRow): Markup {
  const note = outAvailable ? "" : html` <span class="warn">(not there yet)</span>`;
  return html`<h3>watch${note}</h3>
    <div><code>${watch.rtmp}</code></div>
    <div>
      <a href="${watch.hls}"><code>${watch.hls}</code></a>
    </div>
    ${watch.further.map(
      ({ language, rtmp, hls }) =>
        html`<div>
          ${language} <code>${rtmp}</code> <a href="${hls}"><code>${hls}</code></a>
        </div>`,
    )}`;
}

function events({ events: all }: StreamRow): Markup {
  if (all.length === 0) return html``;
  const latest = all.slice(-shownEvents).toReversed();
  return html`<h3>latest events</h3>
    <ol>
      ${latest.map(
        ({ at, level, message }) =>
          html`<li class="${level === "error" ? "bad" : level === "warn" ? "warn" : "dim"}">
            <code>${at.slice(11, 19)}</code> ${message}
          </li>`,
      )}
    </ol>`;
}
