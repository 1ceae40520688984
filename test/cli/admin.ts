import type { Test } from 'tap'
import { ADMIN_TOKEN, adminApp } from '../admin/admin-app.ts'
import { run } from './process.ts'
import type { AdminApp } from '../admin/admin-app.ts'
import type { AdminDeps } from '../../src/admin/deps.ts'
import type { Finished } from './process.ts'

export interface AdminPlace extends AdminApp {
  readonly url: string
  readonly folder: string
  /** Runs a command against the listener, with its token. */
  dashgate (...words: string[]): Promise<Finished>
}

type Files = NonNullable<Parameters<Test['testdir']>[0]>

/** An admin listener on a free port, and a folder to run commands in. @param files what is in the folder */
export async function adminPlace (t: Test, files: Files = {}, deps: Partial<AdminDeps> = {}): Promise<AdminPlace> {
  const admin = await adminApp(t, deps)
  const url = await admin.app.listen({ host: '127.0.0.1', port: 0 })
  const folder = t.testdir(files)
  const environment = { DASHGATE_ADMIN_PORT: new URL(url).port, DASHGATE_ADMIN_TOKEN: ADMIN_TOKEN }
  return { ...admin, url, folder, dashgate: (...words) => run(words, { folder, environment }) }
}
