import type { ApplianceView } from "../orchestrator/appliance-view.ts";
import { applianceAlerts, streamAlerts, type Alert } from "./alerts.ts";
import { html, Markup } from "./markup.ts";
import { ago } from "./quantity.ts";
import { alertList, streamCard } from "./stream-card.ts";
import { style } from "./style.ts";

const refreshSeconds = 2;
const shownRefusals = 5;

/**
 * The status page: one document without script that loads nothing and asks for itself again every two
 * seconds. Whatever comes from outside (names, texts, errors) is escaped.
 */
export function statusPage(view: ApplianceView, now = new Date()): string {
  const own = applianceAlerts(view);
  const alerts = [...own, ...view.streams.flatMap(streamAlerts)];
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="refresh" content="${refreshSeconds}" />
        <title>${titleOf(view, alerts)}</title>
        <style>
          ${new Markup(style)}
        </style>
      </head>
      <body>
        <header>
          <h1>livedub</h1>
          <span class="dim"
            >${view.version} · up ${ago(view.startedAt, now)} · ${now.toISOString().slice(11, 19)}
            UTC</span
          >
        </header>
        ${verdict(view, alerts)} ${alertList(own)}
        ${
          view.streams.length === 0
            ? nothingPublished(view)
            : view.streams.map((stream) => streamCard(stream, now))
        }
        ${refusals(view)} ${sidecars(view)}
        ${view.streams.length === 0 ? "" : html`<section>${publishHint(view)}</section>`}
      </body>
    </html>`;
  return page.html;
}

function titleOf(view: ApplianceView, alerts: readonly Alert[]): string {
  const bad = alerts.filter(({ level }) => level === "bad").length;
  return `${bad > 0 ? `(${bad}!) ` : ""}livedub: ${streamCount(view)}`;
}

function streamCount({ streams }: ApplianceView): string {
  if (streams.length === 0) return "no stream";
  return streams.length === 1 ? "1 stream" : `${streams.length} streams`;
}

function verdict(view: ApplianceView, alerts: readonly Alert[]): Markup {
  const bad = alerts.filter(({ level }) => level === "bad").length;
  const warn = alerts.length - bad;
  if (bad > 0)
    return html`<p class="verdict bad">
      ${streamCount(view)}: ${bad} ${bad === 1 ? "problem" : "problems"}
    </p>`;
  if (warn > 0)
    return html`<p class="verdict warn">
      ${streamCount(view)}: ${warn} ${warn === 1 ? "warning" : "warnings"}
    </p>`;
  if (view.streams.length === 0) return html`<p class="verdict none">no stream</p>`;
  return html`<p class="verdict">${streamCount(view)}: all well</p>`;
}

function nothingPublished(view: ApplianceView): Markup {
  return html`<section class="empty">
    <p><strong>Nobody publishes.</strong> The appliance waits for an encoder.</p>
    ${publishHint(view)}
  </section>`;
}

function publishHint({ publish }: ApplianceView): Markup {
  const key = publish.keyNeeded ? "?key=<the stream's publish key>" : "";
  return html`<p>Publish to <code>${publish.url}${key}</code></p>
    <p class="dim">STREAM is a name of your choice: A–Z a–z 0–9 _ -</p>`;
}

function refusals(view: ApplianceView): Markup {
  if (view.refusals.length === 0) return html``;
  const latest = view.refusals.slice(-shownRefusals).toReversed();
  return html`<section>
    <h2 class="bad">refused publishers</h2>
    <table>
      <tr>
        <th>at</th>
        <th>stream</th>
        <th>why, and what to do</th>
      </tr>
      ${latest.map(
        ({ at, streamId, code, message }) =>
          html`<tr>
            <td class="num">${at.slice(11, 19)}</td>
            <td>${streamId}</td>
            <td class="long"><strong>${code}</strong> ${message}</td>
          </tr>`,
      )}
    </table>
  </section>`;
}

function sidecars({ sidecars: all }: ApplianceView): Markup {
  if (all.length === 0) return html``;
  return html`<section>
    <h2>sidecars</h2>
    <table>
      <tr>
        <th>address</th>
        <th>state</th>
        <th>engine</th>
        <th>language pairs</th>
      </tr>
      ${all.map(
        ({ url, state, engine, pairs, detail }) =>
          html`<tr>
            <td><code>${url}</code></td>
            <td class="${state === "ready" ? "good" : state === "starting" ? "warn" : "bad"}">
              <strong>${state}</strong> ${detail}
            </td>
            <td>${engine}</td>
            <td>${pairs.map(([source, target]) => `${source}→${target}`).join(" ")}</td>
          </tr>`,
      )}
    </table>
  </section>`;
}
