/** How long a run would take on a large GPU: an estimate from its multiply-adds, before anything is measured. */

/** NVIDIA's data sheets of H100 SXM and H200: dense bfloat16 on tensor cores; both have the same. */
const peakOperations = 989.4e12;
/** Assumed, not measured: eager PyTorch reaches a quarter to a half of the peak with models of this kind. */
const utilisation = 0.3;
/** One core, JPEGs of 500 × 375, as measured for sharp (plan/defaults/model.ts). */
const decodedPictures = 340;

/** How long a run would take on a large GPU, and what it takes to feed it. */
export interface GpuEstimate {
  /** What it is an estimate of, in words. */
  readonly basis: string;
  readonly imagesPerSecond: number;
  /** Of computing alone. */
  readonly hours: number;
  /** Hours of one core for decoding JPEGs of 500 × 375. */
  readonly decodingHours: number;
  /** Cores that decode as fast as the GPU trains. */
  readonly decodingCores: number;
}

/** Estimates a run on an H100 or H200 from its multiply-adds and an assumed share of the data sheet's peak. */
export function estimateGpu({
  multiplyAdds,
  pictures,
}: {
  /** Of one picture's forward pass in training; backward costs twice as much. */
  readonly multiplyAdds: number;
  /** Seen in the whole run: set size × epochs. */
  readonly pictures: number;
}): GpuEstimate {
  const imagesPerSecond = (peakOperations * utilisation) / (2 * 3 * multiplyAdds);
  return {
    basis: `one H100 or H200 at ${100 * utilisation} % of its ${Math.round(peakOperations / 1e12)} T operations a second in bfloat16: an assumption`,
    imagesPerSecond,
    hours: pictures / imagesPerSecond / 3600,
    decodingHours: pictures / decodedPictures / 3600,
    decodingCores: imagesPerSecond / decodedPictures,
  };
}
