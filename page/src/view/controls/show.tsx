import type { JSX } from "preact";
import type { Props } from "../app.js";
import { Choice } from "./choice.js";

const shown = [
  ["pasted", "As they are"],
  ["predicted", "As predicted"],
] as const;
const sources = [
  ["true", "True"],
  ["interpolated", "From visible"],
] as const;

export function ShowControls({ session, state }: Props): JSX.Element {
  const { description, everywhere, statistics } = state;
  return (
    <section class="card" aria-labelledby="show-title">
      <h2 id="show-title">How it is shown</h2>
      <Choice
        name="show"
        title="Visible patches"
        options={shown}
        value={everywhere ? "predicted" : "pasted"}
        choose={(value) => session.choose({ everywhere: value === "predicted" })}
      />
      {everywhere && (
        <p class="note">
          Training scores hidden patches only, so predictions of visible ones look worse. This is normal.
        </p>
      )}
      {description.target === "pixels" ? (
        <p class="note">This model predicts pixels, so nothing has to be added to show them.</p>
      ) : (
        <>
          <Choice
            name="statistics"
            title="Mean and contrast of a patch"
            options={sources}
            value={statistics}
            choose={(value) => session.choose({ statistics: value })}
          />
          <p class="note">
            {statistics === "true"
              ? "The model predicts each patch without its mean and contrast. Here both are taken from the hidden patch itself, as in the paper's figures: the picture knows more than the model saw."
              : "The model predicts each patch without its mean and contrast. Here both are interpolated from the visible patches: nothing of what is hidden is used."}
          </p>
        </>
      )}
    </section>
  );
}
