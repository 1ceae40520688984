import { InvalidArgumentError } from 'commander'

/** Reads an option that is a whole number from 0 to `max`. */
export function integerUpTo (max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value <= max) return value
    throw new InvalidArgumentError(`It must be a whole number from 0 to ${max}.`)
  }
}
