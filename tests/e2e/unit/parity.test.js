// The measures by which the engine's numbers are compared with the reference: what is not comparable passes no limit.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compareLatents, fvuOf, maxAbs, relativeRms } from '../page/parity.js';

const fails = (value, limit = 1e9) => assert.ok(!(value <= limit), `${value} passes a limit of ${limit}`);

test('the largest difference', () => {
  assert.equal(maxAbs([1, 2, 3], [1, 2.5, 2]), 1);
  assert.equal(maxAbs(Float32Array.of(0, 0), [0, 0]), 0);
  assert.equal(maxAbs([6, Infinity], [1, 1]), Infinity);
});

test('a value that is not a number makes a difference that is none, wherever it stands', () => {
  assert.equal(maxAbs([6, NaN, 1.0005], [1, 1, 1]), NaN);
  for (const at of [0, 1, 2]) {
    const spoilt = [1, 1, 1].with?.(at, NaN) ?? [1, 1, 1].map((value, index) => (index === at ? NaN : value));
    for (const [got, want] of [[spoilt, [1, 1, 1]], [[1, 1, 1], spoilt], [spoilt, spoilt]]) {
      for (const measure of [maxAbs, relativeRms]) assert.ok(Number.isNaN(measure(got, want)), `${measure.name}(${got}; ${want})`);
    }
  }
});

test('arrays of different lengths, and empty ones, are not equal', () => {
  for (const measure of [maxAbs, relativeRms]) {
    for (const [got, want] of [[[1], [1, 1]], [[1, 1], [1]], [[], [1]], [[1], []], [[], []]]) fails(measure(got, want));
  }
});

test('the relative RMS', () => {
  assert.equal(relativeRms([3, 4], [3, 4]), 0);
  assert.equal(relativeRms([0, 0], [3, 4]), 1);
  assert.equal(relativeRms([6, 8], [3, 4]), 1);
  fails(relativeRms([1], [0]));
});

const reference = (rows) => ({ rows: rows.length, length: (row) => rows[row].length, id: (row, place) => rows[row][place][0], value: (row, place) => rows[row][place][1] });
const found = (k, rows) => ({ k, latents: Int32Array.from(rows.flat().map(([id]) => id)), activations: Float32Array.from(rows.flat().map(([, value]) => value)) });

test('rankings: an exchange, a difference, and what is equal', () => {
  const want = reference([[[5, 2], [7, 1]], [[3, 4], [9, 0]]]);
  assert.deepEqual(compareLatents(found(2, [[[5, 2], [7, 1]], [[3, 4], [-1, 0]]]), want), { exchanged: 0, widest: 0, activation: 0 });
  assert.equal(compareLatents(found(2, [[[5, 2.5], [7, 1]], [[3, 4], [-1, 0]]]), want).activation, 0.25);
  const { exchanged, widest } = compareLatents(found(2, [[[5, 2], [8, 1.5]], [[3, 4], [-1, 0]]]), want);
  assert.deepEqual([exchanged, widest], [1, 0.5]);
  // A latent too many, and one too few.
  assert.equal(compareLatents(found(3, [[[5, 2], [7, 1], [1, 0.5]], [[3, 4], [-1, 0], [-1, 0]]]), want).widest, 0.5);
  assert.equal(compareLatents(found(1, [[[5, 2]], [[3, 4]]]), want).widest, 1);
});

test('rankings: what is no number, and rows that are missing or too many, pass no limit', () => {
  const want = reference([[[5, 2]], [[3, 4]]]);
  fails(compareLatents(found(1, [[[5, NaN]], [[3, 4]]]), want).activation);
  fails(compareLatents(found(1, [[[6, NaN]], [[3, 4]]]), want).widest);
  fails(compareLatents(found(1, [[[5, 2]], [[3, 4]]]), reference([[[5, NaN]], [[3, 4]]])).widest);
  for (const rows of [[[[5, 2]]], [[[5, 2]], [[3, 4]], [[3, 4]]], []]) {
    const { exchanged, widest, activation } = compareLatents(found(1, rows), want);
    for (const value of [exchanged, widest, activation]) fails(value);
  }
  fails(compareLatents(found(1, []), reference([])).widest);
});

test('the fraction of variance unexplained', () => {
  const x = { shape: [3, 2], data: Float32Array.of(100, 100, 1, 3, 3, 7) };
  const at = (...values) => ({ data: Float32Array.of(...values) });
  // Around the mean (2, 5) the variance is 10; the first row does not count.
  assert.equal(fvuOf(x, at(0, 0, 1, 3, 3, 7), false), 0);
  assert.equal(fvuOf(x, at(0, 0, 2, 3, 3, 5), false), 0.5);
  assert.equal(fvuOf({ shape: [3, 2], data: Float32Array.of(9, 9, 1, 3, 7, 3) }, at(0, 0, 1, 2, 7, 3), true), 0.25);
  fails(fvuOf(x, at(0, 0, 1, 3, 3), false));
  fails(fvuOf(x, at(0, 0, NaN, 3, 3, 7), false));
});
