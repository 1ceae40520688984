/** Money is counted in 10⁻⁹ of its currency: the cheapest model's price for one token is still a whole number of these. */
export const MONEY_DECIMALS = 9

/** Some 4.5 million yuan: what costs more is counted as that much, so that two amounts still add up exactly. */
export const COST_NANO_MAX = 2 ** 52

/**
 * An amount as a whole number of its last decimal: 0.3 with nine decimals is 300,000,000. Digits are moved rather than
 * multiplied: in binary floating point 0.00051 × 10⁶ is not 510.
 * @throws RangeError where the amount is negative, has more decimals, or is too large to be exact
 */
export function exactUnits (amount: number, decimals: number): number {
  const digits = amount.toFixed(decimals)
  const units = Number(digits.replace('.', ''))
  if (Number(digits) === amount && Number.isSafeInteger(units) && units >= 0) return units
  throw new RangeError(`${amount} is no amount with at most ${decimals} decimals`)
}

/** Nano-units as a plain decimal: 12345678901 is `12.345678901`. A double could not hold all of these. */
export function decimalOfNano (nano: number): string {
  const digits = String(nano).padStart(MONEY_DECIMALS + 1, '0')
  const fraction = digits.slice(-MONEY_DECIMALS).replace(/0+$/, '')
  const whole = digits.slice(0, -MONEY_DECIMALS)
  return fraction === '' ? whole : `${whole}.${fraction}`
}
