import t from 'tap'
import { limitContract } from '../limit-contract.ts'
import { newDataFolder } from './data-folder.ts'
import { openLimitBooks } from './limit-books.ts'

await limitContract(t, 'embedded', async (t) => openLimitBooks(newDataFolder(t)))
