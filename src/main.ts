#!/usr/bin/env node
import { runCommandLine } from './cli/program.ts'

const { argv, env, stdout, stderr } = process
process.exitCode = await runCommandLine(argv.slice(2), { environment: env, stdout, stderr })
