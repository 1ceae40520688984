import { writeFileSync } from 'node:fs'
import { cliDocs } from './cli-docs.ts'
import { createProgram } from '../src/cli/program.ts'

const { stdout, stderr } = process
writeFileSync(new URL('../docs/cli.md', import.meta.url), cliDocs(createProgram({ environment: {}, stdout, stderr })))
