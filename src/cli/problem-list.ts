import { problemText } from '../config/problems.ts'
import type { Problem } from '../config/problems.ts'
import { printLine, styled } from './context.ts'

export function printProblems (stream: NodeJS.WriteStream, problems: readonly Problem[]): void {
  for (const problem of problems) printLine(stream, problemText(problem))
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  printLine(stream, styled(stream, 'red', `${count} in the configuration`))
}
