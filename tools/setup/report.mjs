// How set-up speaks: one line a step, and one clear sentence when it cannot go on.

/** A failure the reader can do something about: printed as its message alone, never as a stack trace. */
export class SetupError extends Error {
  constructor(message, remedy) {
    super(remedy ? `${message}\n  ${remedy}` : message);
    this.name = "SetupError";
  }
}

export function say(line) {
  process.stdout.write(`setup: ${line}\n`);
}

/** 539136850 -> "539 MB" */
export function size(bytes) {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}

export function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}
