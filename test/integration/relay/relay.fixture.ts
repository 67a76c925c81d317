import { runRelayCommand } from "../../../src/commands/relay.ts";

/** What `livedub relay` runs, as a process of its own. */
await runRelayCommand();
