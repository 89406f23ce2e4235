import { expect, test } from "vitest";
import { allocateRing, type Place, Ring } from "../../../src/data/loader/ring.js";

const shape = {
  slots: 2,
  batchSize: 3,
  channels: 1,
  views: [
    { height: 2, width: 2 },
    { height: 1, width: 1 },
  ],
};

function twoWorkers(): [Ring, Ring] {
  const memory = allocateRing(shape);
  return [new Ring(memory, 0), new Ring(memory, 1)];
}

function takeAll(ring: Ring): Place[] {
  const places: Place[] = [];
  for (let place = ring.take(); place !== undefined; place = ring.take()) places.push(place);
  return places;
}

test("places are handed out once, in order, only when published", () => {
  const [a, b] = twoWorkers();
  expect(a.take()).toBeUndefined();
  a.publish(0, 7, Int32Array.of(10, 11, 12));
  expect(a.take()).toEqual({ ordinal: 0, position: 0 });
  expect(b.take()).toEqual({ ordinal: 0, position: 1 });
  expect([a.sample({ ordinal: 0, position: 1 }), a.epoch(0)]).toEqual([11, 7]);
  expect(takeAll(a)).toEqual([{ ordinal: 0, position: 2 }]);
  expect(takeAll(b)).toEqual([]);
});

test("a short batch is complete with its last picture, and the next batch follows it", () => {
  const [a, b] = twoWorkers();
  a.publish(0, 0, Int32Array.of(5, 6));
  a.publish(1, 1, Int32Array.of(7, 8, 9));
  const places = takeAll(b);
  expect(places.map(({ ordinal, position }) => `${ordinal}.${position}`)).toEqual(["0.0", "0.1", "1.0", "1.1", "1.2"]);
  places.slice(0, 2).forEach((place, i) => {
    b.write(place, 0, new Uint8Array(4).fill(50 + i));
    b.write(place, 1, Uint8Array.of(60 + i));
    expect(a.isComplete(0)).toBe(false);
    expect(b.complete(place, 90 + i)).toBe(i === 1);
  });
  expect(a.isComplete(0)).toBe(true);
  expect([...a.used(0)]).toEqual([90, 91]);
  expect([...a.pixels(0, 0)]).toEqual([50, 50, 50, 50, 51, 51, 51, 51]);
  expect([...a.pixels(0, 1)]).toEqual([60, 61]);
});

test("slots are used in turn, for any number of batches", () => {
  const [main, worker] = twoWorkers();
  for (let ordinal = 0; ordinal < 50; ordinal++) {
    main.publish(ordinal, ordinal >> 2, Int32Array.of(ordinal, ordinal, ordinal).subarray(0, 1 + (ordinal % 3)));
    for (const place of takeAll(worker)) {
      expect(place.ordinal).toBe(ordinal);
      worker.write(place, 1, Uint8Array.of(worker.sample(place)));
      worker.complete(place, worker.sample(place));
    }
    expect(main.isComplete(ordinal)).toBe(true);
    expect([...main.pixels(ordinal, 1)]).toEqual(Array(1 + (ordinal % 3)).fill(ordinal));
  }
});

test("what a lost worker held goes to another, and the lost one can no longer write or complete it", () => {
  const [a, b] = twoWorkers();
  a.publish(0, 0, Int32Array.of(1, 2, 3));
  const held = b.take() as Place;
  const other = a.take() as Place;
  const late = b.take() as Place;
  expect(a.revoke(held, 1)).toBe(true);
  b.write(held, 1, Uint8Array.of(99));
  expect(b.complete(held, 1)).toBe(false);
  expect(a.release(1)).toEqual([held, late]);
  expect(a.take()).toBeUndefined();
  const successor = new Ring(a.memory, 1);
  for (const place of [held, late]) {
    expect(successor.claim(place)).toBe(true);
    expect(a.claim(place)).toBe(false);
    successor.complete(place, 4);
  }
  a.complete(other, 2);
  expect(a.isComplete(0)).toBe(true);
  expect(a.pixels(0, 1)[0]).toBe(0);
});

test("a place that was filled in time is not revoked, and another worker's is not released", () => {
  const [a, b] = twoWorkers();
  a.publish(0, 0, Int32Array.of(1, 2, 3));
  const done = b.take() as Place;
  a.take();
  b.complete(done, 1);
  expect(a.revoke(done, 1)).toBe(false);
  expect(a.release(1)).toEqual([]);
});

test("a cancelled ring hands out nothing", () => {
  const [a, b] = twoWorkers();
  a.publish(0, 0, Int32Array.of(1, 2, 3));
  b.take();
  a.cancel();
  expect(b.take()).toBeUndefined();
});
