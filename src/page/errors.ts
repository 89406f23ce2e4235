import { type ErrorDetails, LacunaError } from "../errors.js";

export type PageErrorCode = "no-page" | "not-built" | "folder-not-empty" | "port-in-use" | "port-forbidden";

/** A page's folder or its server is not as it must be. `path` is the folder or the address. */
export class PageError extends LacunaError {
  declare readonly code: PageErrorCode;

  constructor(details: ErrorDetails<PageErrorCode>) {
    super(details);
  }
}
