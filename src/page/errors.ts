export interface PageErrorDetail {
  readonly code: "no-page" | "not-built" | "folder-not-empty" | "port-in-use" | "port-forbidden";
  /** The folder or address the error is about. */
  readonly path: string;
  readonly expected: string;
  readonly actual: string | number;
  readonly remedy: string;
}

/** A page's folder or its server is not as it must be. Data first: `code`, `path`, `expected`, `actual`. */
export class PageError extends Error {
  override readonly name = "PageError";
  readonly code: PageErrorDetail["code"];
  readonly path: string;
  readonly expected: string;
  readonly actual: string | number;

  constructor(sentence: string, { code, path, expected, actual, remedy }: PageErrorDetail) {
    super(`in ${path}: ${sentence} ${remedy}`);
    this.code = code;
    this.path = path;
    this.expected = expected;
    this.actual = actual;
  }
}
