// Runs the Khronos glTF validator on files and fails on any error or warning.
import { readFile } from "node:fs/promises";
import validator from "gltf-validator";

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: node validate.mjs file.glb ...");
  process.exit(2);
}
let isGood = true;
for (const file of files) {
  const report = await validator.validateBytes(new Uint8Array(await readFile(file)), { uri: file });
  const { numErrors, numWarnings, numInfos, numHints, messages } = report.issues;
  console.log(`${file}: ${numErrors} errors, ${numWarnings} warnings, ${numInfos} infos, ${numHints} hints`);
  for (const { code, message, pointer } of messages.slice(0, 20)) {
    console.log(`  ${code} at ${pointer}: ${message}`);
  }
  isGood &&= numErrors === 0 && numWarnings === 0;
}
process.exit(isGood ? 0 : 1);
