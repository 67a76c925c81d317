import { commonSettings } from "../../src/config/common.ts";
import { ignoredEdgeSettings } from "../../src/config/edge-ignored.ts";
import { edgeSettings } from "../../src/config/edge.ts";
import { egressProcessSettings, egressSettings } from "../../src/config/egress.ts";
import type { Setting, SettingTable } from "../../src/config/setting.ts";
import { sidecarSettings } from "../../src/config/sidecar.ts";
import { ignoredWorkerSettings } from "../../src/config/worker-ignored.ts";
import { workerSettings } from "../../src/config/worker.ts";

/** One table of the README and one part of `.env.example`. */
export interface SettingGroup {
  readonly title: string;
  readonly intro: string;
  readonly settings: readonly Setting<unknown>[];
}

const own = (table: SettingTable): Setting<unknown>[] => {
  const common = new Set(Object.values<Setting<unknown>>(commonSettings).map(({ name }) => name));
  const seen = new Map(Object.values(table).map((setting) => [setting.name, setting]));
  return [...seen.values()].filter(({ name }) => table === commonSettings || !common.has(name));
};

/** Every setting of both executables, in the order in which they are documented. */
export const settingGroups: readonly SettingGroup[] = [
  {
    title: "Appliance (`livedub serve`)",
    intro: "Listeners, secrets, the life of streams.",
    settings: own({ ...edgeSettings, ...ignoredEdgeSettings }),
  },
  {
    title: "Dubbing",
    intro:
      "For every stream, unless its section of the config file or its publish URL (`?lang=`, `src=`, `voice=`, `egress=0`) says otherwise.",
    settings: own({ ...workerSettings, ...ignoredWorkerSettings }),
  },
  {
    title: "Egress",
    intro:
      "Forwarding of dubbed feeds. `serve` sets the last three for each of its egress processes.",
    settings: own({ ...egressSettings, ...egressProcessSettings }),
  },
  {
    title: "Sidecar (`livedub-sts serve`)",
    intro: "Models, sessions, access.",
    settings: own(sidecarSettings),
  },
  {
    title: "Logs (both)",
    intro: "",
    settings: own(commonSettings),
  },
];

const begin = "<!-- settings:begin -->";
const end = "<!-- settings:end -->";

/**
 * The README with its settings tables written anew between the markers.
 * @throws {Error} when a marker is missing
 */
export function readmeWithTables(readme: string): string {
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from)
    throw new Error(`README.md needs the lines ${begin} and ${end}, in this order`);
  return `${readme.slice(0, from)}${begin}\n\n${settingTables()}\n${readme.slice(to)}`;
}

function settingTables(): string {
  const tables = settingGroups.map(({ title, intro, settings }) => {
    const inUse = settings.filter(({ ignored }) => ignored === undefined);
    const rows = inUse.map((setting) => {
      const names = [setting.name, ...setting.aliases].map((name) => `\`${name}\``).join(", ");
      const byDefault = setting.default === undefined ? "–" : `\`${setting.default}\``;
      const secret = setting.secret ? ` Secret; also \`${setting.name}_FILE\`.` : "";
      return `| ${cell(names)} | ${cell(byDefault)} | ${cell(sentence(setting.doc) + secret)} |`;
    });
    const idle = settings.filter(({ ignored }) => ignored !== undefined);
    const names = idle.map(({ name }) => `\`${name}\``).join(", ");
    const note = idle.length === 0 ? "" : `\nAccepted with a warning, without effect: ${names}.\n`;
    const head = "| variable (other names) | default | meaning |\n| --- | --- | --- |";
    const lead = intro === "" ? "" : `${intro}\n\n`;
    return `### ${title}\n\n${lead}${head}\n${rows.join("\n")}\n${note}`;
  });
  return tables.join("\n");
}

/** `.env.example`: every setting as a comment with its default, to be uncommented where wanted. */
export function envExample(): string {
  const groups = settingGroups.map(({ title, settings }) => {
    const inUse = settings.filter(({ ignored }) => ignored === undefined);
    const lines = inUse.map(
      ({ name, doc, default: text }) => `# ${sentence(doc)}\n#${name}=${text ?? ""}`,
    );
    return `## ${title.replaceAll("`", "")}\n\n${lines.join("\n\n")}\n`;
  });
  const intro =
    "# livedub: copy to .env and uncomment what you change. Generated from the settings' schemas.\n" +
    "# Secrets may also be given as NAME_FILE, the path of a file that holds them.\n";
  return [intro, ...groups].join("\n");
}

function sentence(doc: string): string {
  return /[.!?]$/.test(doc) ? doc : `${doc}.`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
