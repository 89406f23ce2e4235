/** What is used of d3-dsv, whose types are a package of their own. */
declare module "d3-dsv" {
  export function csvParse(text: string): Record<string, string | undefined>[];
  export function tsvParse(text: string): Record<string, string | undefined>[];
}
