// Unpacks the browser of @sparticuz/chromium: node unpack.cjs FOLDER, where FOLDER/node_modules holds the package.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const zlib = require("node:zlib");
const { execFileSync } = require("node:child_process");

const folder = path.resolve(process.argv[2]);
const packed = path.join(folder, "node_modules", "@sparticuz", "chromium", "bin");
const unpacked = (name) => zlib.brotliDecompressSync(fs.readFileSync(path.join(packed, `${name}.br`)));

// NSS and its like, which a bare machine lacks; the browser's own folder is not on the loader's path.
const libraries = path.join(folder, "libraries");
fs.mkdirSync(libraries, { recursive: true });
execFileSync("tar", ["-x", "--strip-components=1", "-C", libraries], { input: unpacked("al2023.tar") });

const partial = path.join(folder, "chromium.partial");
fs.writeFileSync(partial, unpacked("chromium"), { mode: 0o755 });
fs.renameSync(partial, path.join(folder, "chromium"));
