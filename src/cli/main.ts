#!/usr/bin/env node
import { main } from "./program.js";

// OpenMP's threads wait for each other hundreds of times a step, by default spinning for milliseconds: where another
// process (or our own decoding) has one of the cores, a step then takes fifty times as long (measured on two busy cores:
// 2 images/s, 84 with this). Read by libgomp when libtorch is loaded; numbers do not change.
if (process.env["OMP_WAIT_POLICY"] === undefined) process.env["GOMP_SPINCOUNT"] ??= "1000";

// A reader that went away (`lacuna inspect … | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await main(process.argv.slice(2));
