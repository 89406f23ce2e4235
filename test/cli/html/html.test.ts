import { expect, test } from "vitest";
import { Html, html } from "../../../src/cli/html/html.js";

test("values are escaped, HTML is not, arrays are joined, undefined is nothing", () => {
  const evil = `<img src=x onerror="alert('1')">&`;
  expect(html`<p title="${evil}">${evil}</p>`.text).toBe(
    '<p title="&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;">' +
      "&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;</p>",
  );
  expect(html`<ul>${["a", "<b>"].map((one) => html`<li>${one}</li>`)}</ul>${undefined}${3}`.text).toBe(
    "<ul><li>a</li><li>&lt;b&gt;</li></ul>3",
  );
  expect(html`${new Html("<hr>")}`.text).toBe("<hr>");
});
