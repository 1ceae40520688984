/** Environment variables, handed in. An empty one counts as unset, which is how compose files leave one out. */
export type Environment = Readonly<Record<string, string | undefined>>

export type Filled = { readonly text: string } | { readonly fault: string }

const VARIABLE = /\$\$|\$\{([^}]*)\}/g
const REFERENCE = /^([A-Za-z_][A-Za-z0-9_]*)(?::([-?])(.*))?$/s

/**
 * `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, as shells and compose files have them; `$$` is a dollar sign.
 * What is put in is not looked at again.
 */
export function substituteVariables (text: string, environment: Environment): Filled {
  const faults: string[] = []
  const filled = text.replace(VARIABLE, (whole, reference: string | undefined) => {
    if (reference === undefined) return '$'
    const [, name, operator, argument = ''] = REFERENCE.exec(reference) ?? []
    if (name === undefined) {
      faults.push(`\${${reference}} is no variable; write \${NAME}, \${NAME:-default} or \${NAME:?message}`)
      return whole
    }
    const value = variable(environment, name)
    if (value !== undefined) return value
    if (operator === '-') return argument
    faults.push(operator === '?' && argument !== '' ? `${name}: ${argument}` : `the environment variable ${name} is not set`)
    return whole
  })
  return faults.length === 0 ? { text: filled } : { fault: faults.join('; ') }
}

export function variable (environment: Environment, name: string): string | undefined {
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined
  return value === '' ? undefined : value
}

/** How a file names a variable, with what else may stand in the braces. */
export function referenceTo (name: string): string {
  return `\${${name}}`
}
