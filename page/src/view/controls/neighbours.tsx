import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { nearest } from "../../model/neighbours.js";
import type { Props } from "../app.js";

const shownNeighbours = 6;

export function Neighbours({ session, state }: Props): JSX.Element | null {
  const { features, exampleFeatures, example, description } = state;
  const found = useMemo(
    () =>
      features === undefined || exampleFeatures === undefined
        ? undefined
        : nearest(features, exampleFeatures, { count: shownNeighbours, except: example }),
    [features, exampleFeatures, example],
  );
  if (description.features === null || !description.model.outputs.includes("features")) return null;
  return (
    <section class="card" aria-labelledby="neighbours-title">
      <h2 id="neighbours-title">Nearest examples</h2>
      {found === undefined ? (
        <p class="note">The features come after the picture.</p>
      ) : (
        <ol class="thumbs named">
          {found.map(({ example: other, similarity }) => (
            <li key={other}>
              <button type="button" onClick={() => void session.openExample(other)}>
                <img
                  src={`./${description.examples[other]?.file ?? ""}`}
                  alt={description.examples[other]?.name ?? ""}
                  width={64}
                  height={64}
                />
                <span>{similarity.toFixed(3)}</span>
              </button>
            </li>
          ))}
        </ol>
      )}
      <p class="note">By the cosine of the encoder's features of the whole picture, nothing hidden.</p>
    </section>
  );
}
