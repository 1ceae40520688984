/** One thing that is wrong with the configuration, and where. */
export interface Problem {
  /** The file, or `environment` or `command line`. */
  readonly source: string
  /** Such as `models[0].price.currency`, the name of a variable, or '' for the whole source. */
  readonly path: string
  /** From 1 on; undefined outside of files. */
  readonly line: number | undefined
  readonly column: number | undefined
  readonly message: string
}

/** Thrown once with everything that is wrong, so that nobody has to fix a file error by error. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[]

  constructor (problems: readonly Problem[]) {
    super(problems.map(problemText).join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** `dashgate.yaml:12:5 models[0].price: must be …`, a form that editors and terminals turn into a link. */
export function problemText (problem: Problem): string {
  const place = problem.line === undefined ? problem.source : `${problem.source}:${problem.line}:${problem.column}`
  return `${place} ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`
}

export type Path = readonly (string | number)[]

/** `['models', 0, 'name']` → `models[0].name`. */
export function pathText (path: Path): string {
  return path.reduce<string>((text, step) => typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`, '')
}
