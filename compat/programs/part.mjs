/** Little of the package: a bundler leaves out the rest, and what stays must run. */
import { CotpError, formatTsel } from 'cotp';

console.log(formatTsel(258), new CotpError('ERR_COTP_BUSY', 'busy').code);
