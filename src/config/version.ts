import description from "../../package.json" with { type: "json" };

/** The version of livedub, edge and sidecar alike, as package.json says it. */
export const livedubVersion: string = description.version;
