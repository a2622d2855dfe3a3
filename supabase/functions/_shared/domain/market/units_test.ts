import assert from "node:assert/strict";
import { Decimal } from "decimal.js";
import fc from "fast-check";
import {
  canonical,
  decimalsOf,
  floorToUnits,
  fromUnits,
  isPlainDecimal,
  isZero,
  toUnits,
  unitOf,
} from "./units.ts";

const decimalText = fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 24n }), fc.integer({ min: 0, max: 18 }))
  .map(([units, decimals]) => {
    const digits = units.toString().padStart(decimals + 1, "0");
    const point = digits.length - decimals;
    return decimals === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  });

Deno.test("a decimal survives the way to units and back, with one spelling per value", () => {
  fc.assert(fc.property(decimalText, (text) => {
    const back = fromUnits(toUnits(text, 18), 18);
    assert.equal(back, canonical(text));
    assert.ok(new Decimal(back).eq(text));
    assert.equal(canonical(`00${back}`), back);
    assert.doesNotMatch(back, /\.\d*0$|\.$/);
  }));
});

Deno.test("the decimals of a value are those it needs, trailing zeros not counted", () => {
  fc.assert(
    fc.property(decimalText, (text) => assert.equal(decimalsOf(text), new Decimal(text).decimalPlaces())),
  );
});

Deno.test("flooring to units drops the rest and nothing else", () => {
  fc.assert(fc.property(decimalText, fc.integer({ min: 0, max: 18 }), (text, decimals) => {
    const floored = new Decimal(fromUnits(floorToUnits(text, decimals), decimals));
    assert.ok(floored.lte(text));
    assert.ok(new Decimal(text).minus(floored).lt(unitOf(decimals)));
  }));
});

Deno.test("a value with more decimals than the unit is refused, not rounded", () => {
  assert.throws(() => toUnits("1.005", 2), /1\.005 has more than 2 decimals/);
  assert.equal(toUnits("1.500", 1), 15n);
});

Deno.test("signs, exponents, blanks and words are no plain decimals", () => {
  for (
    const text of ["", "-1", "+1", "1e5", " 1", "1 ", ".5", "5.", "NaN", "Infinity", "1,5", "0x10", "１"]
  ) {
    assert.equal(isPlainDecimal(text), false, text);
    assert.throws(() => canonical(text), RangeError);
  }
});

Deno.test("zero is zero in every spelling, and nothing else is", () => {
  assert.ok(isZero("0") && isZero("0.000"));
  assert.ok(!isZero("0.00000001"));
});

Deno.test("units below zero are refused", () => {
  assert.throws(() => fromUnits(-1n, 2), /below zero/);
});
