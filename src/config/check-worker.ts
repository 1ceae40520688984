import { parentPort, workerData } from 'node:worker_threads'
import { checkConfig } from './check.ts'
import type { CheckDeps } from './check.ts'

export interface CheckWork extends CheckDeps { readonly text: string }

const { text, ...deps } = workerData as CheckWork

parentPort?.postMessage(checkConfig(text, deps))
