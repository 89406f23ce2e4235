#!/usr/bin/env node
import { main } from "./program.js";
import { outliveReaders } from "./report.js";

outliveReaders(process);

process.exitCode = await main(process.argv.slice(2));
