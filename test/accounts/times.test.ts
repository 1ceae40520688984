import t from 'tap'
import { instantMs } from '../../src/accounts/times.ts'

t.test('a time with its offset is read to the millisecond', async (t) => {
  t.equal(instantMs('2027-05-22T00:00:00+08:00'), Date.UTC(2027, 4, 21, 16))
  t.equal(instantMs('2027-05-22T00:00:00Z'), Date.UTC(2027, 4, 22))
  t.equal(instantMs('2027-05-22T00:00Z'), Date.UTC(2027, 4, 22))
  t.equal(instantMs('2027-05-22T23:59:59.123456-11:30'), Date.UTC(2027, 4, 23, 11, 29, 59, 123))
  t.equal(instantMs('2028-02-29T00:00:00Z'), Date.UTC(2028, 1, 29))
})

t.test('a text that is no time, or does not say of which zone, is none', async (t) => {
  const texts = ['', 'tomorrow', '2027-05-22', '2027-05-22T00:00:00', '2027-05-22 00:00:00Z', '2027-02-29T00:00:00Z', '2027-02-30T00:00:00Z', '2027-04-31T00:00:00Z',
    '2027-13-01T00:00:00Z', '2027-00-01T00:00:00Z', '2027-05-00T00:00:00Z', '2027-05-22T24:00:00Z', '2027-05-22T12:60:00Z', '2027-05-22T12:00:60Z',
    '2027-05-22T00:00:00+0800', '2027-05-22T00:00:00+99:00', ' 2027-05-22T00:00:00Z', '2027-05-22T00:00:00Z\n', '27-05-22T00:00:00Z']
  for (const text of texts) t.equal(instantMs(text), undefined, JSON.stringify(text))
})
