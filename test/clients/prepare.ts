import { ENVIRONMENTS, prepareEnvironment } from './environments.ts'

// Installs what the clients need, one after the other. What cannot be had is for the suites to say.
for (const environment of ENVIRONMENTS) await prepareEnvironment(environment)
