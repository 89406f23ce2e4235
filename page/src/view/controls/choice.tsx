import type { JSX } from "preact";

/** One of a few, as radio buttons that look like a switch. */
export function Choice<T extends string | number>(props: {
  readonly name: string;
  readonly title: string;
  readonly options: readonly (readonly [T, string])[];
  readonly value: T;
  choose(value: T): void;
}): JSX.Element {
  const { name, title, options, value, choose } = props;
  return (
    <fieldset class="choice">
      <legend>{title}</legend>
      <div class="segments">
        {options.map(([one, text]) => (
          <label key={one}>
            <input type="radio" name={name} value={one} checked={one === value} onChange={() => choose(one)} />
            <span>{text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
