/** A process of its own, since a native library once loaded stays: the runtime out of an "executable". */
import { copyFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { prepareNativeLibrary } from "../../../src/onnx/native-library.ts";

const [libraryPath = "", sha256 = "", bindingPath = ""] = process.argv.slice(2);
await prepareNativeLibrary({ path: libraryPath, sha256 });
// A binding with no library beside it finds the one that was opened.
const alone = join(dirname(bindingPath), "alone.node");
copyFileSync(bindingPath, alone);
const binding = require(alone) as { listSupportedBackends(): { name: string }[] };
process.stdout.write(JSON.stringify(binding.listSupportedBackends().map(({ name }) => name)));
