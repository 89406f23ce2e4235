import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Picture } from "../../../src/data/resample.js";
import { toRgba } from "../picture/pixels.js";

/** A picture in its own pixels; the style sheet enlarges it. */
export function Canvas({ picture, label }: { picture: Picture | undefined; label: string }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (picture === undefined || context === null || context === undefined) return;
    context.putImageData(imageOf(picture), 0, 0);
  }, [picture]);
  const isSmall = (picture?.width ?? 0) < 160;
  return (
    <canvas
      ref={canvas}
      class={isSmall ? "pixels" : ""}
      width={picture?.width ?? 1}
      height={picture?.height ?? 1}
      role="img"
      aria-label={label}
    />
  );
}

export function imageOf(picture: Picture): ImageData {
  return new ImageData(toRgba(picture), picture.width, picture.height);
}
