import { expect, test } from "vitest";
import { htmlFile } from "../../../src/cli/html/file.js";
import { html } from "../../../src/cli/html/html.js";

test("a whole document, with a policy that lets nothing in, and titles that are no HTML", () => {
  const sections = [html`<section>one</section>`, undefined];
  const text = htmlFile({ title: "<b>", facts: "a & b", sections, footer: "Written by a test." });
  expect(text).toMatch(/^<!doctype html>\n<html lang="en">.*<\/html>\n$/s);
  expect(text).toContain("default-src &#39;none&#39;");
  expect(text).toContain("<title>&lt;b&gt; · Lacuna</title>");
  expect(text).toContain('<p class="quiet">a &amp; b</p><section>one</section><footer>Written by a test.');
});
