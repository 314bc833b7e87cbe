import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { RefusalReason } from '../../../storage/model.ts'
import { sharedFolder } from '../../support/paths.ts'
import { findRefusal } from '../../support/unpack-here.ts'

const corpus = join(sharedFolder, 'corpora/malo-zip')
const skip = existsSync(corpus) ? false : 'the malo corpus is not in ../shared/corpora'

type Verdict = RefusalReason | 'accepted'

/** What becomes of each file of github.com/fastzip/malo. The comments are the reasons for the choices on `iffy`. */
const VERDICTS: Record<string, Record<string, Verdict>> = {
  accept: {
    comment: 'accepted',
    data_descriptor: 'accepted',
    data_descriptor_zip64: 'accepted',
    deflate: 'accepted',
    normal_deflate: 'accepted',
    normal_deflate_zip64_extra: 'accepted',
    store: 'accepted',
    subdir: 'accepted',
    zip64_eocd: 'accepted',
  },
  iffy: {
    // A control character in the archive's comment: a second archive could hide there.
    '8bitcomment': 'comment',
    // Directory and local header disagree on sizes and checksum.
    comment_cdsize_0: 'local-header',
    comment_cdsize_3: 'local-header',
    // A CRC-32 may be shared, and may be zero: every member has the one that it says.
    crc_collision_empty_nonempty: 'accepted',
    crc_collision_two_nonempty: 'accepted',
    crc_zero_nonempty: 'accepted',
    // The directory says that it is empty, so seven bytes and the descriptor belong to nobody.
    data_descriptor_cd_zero: 'data-descriptor',
    // A descriptor that is not announced, and a local header that says zero without one.
    data_descriptor_flag_off: 'local-header',
    data_descriptor_flag_off_cd_zero: 'gap',
    // Four zero bytes where the signature should be: neither form of a descriptor.
    data_descriptor_no_sig: 'data-descriptor',
    data_descriptor_zero: 'data-descriptor',
    data_descriptor_zero_cmt_0: 'data-descriptor',
    data_descriptor_zero_cmt_a: 'data-descriptor',
    data_descriptor_zero_cmt_abc123: 'data-descriptor',
    data_descriptor_zero_cmt_comment: 'data-descriptor',
    data_descriptor_zero_cmt_foo: 'data-descriptor',
    data_descriptor_zero_cmt_hello: 'data-descriptor',
    data_descriptor_zero_cmt_meta: 'data-descriptor',
    data_descriptor_zero_cmt_packets: 'data-descriptor',
    data_descriptor_zero_cmt_warehouse: 'data-descriptor',
    data_descriptor_zero_cmt_zz: 'data-descriptor',
    // Stray bytes at the end of the extra fields, as PyPI has it.
    extra3byte: 'extra-field',
    // Not ASCII and not marked as UTF-8: what it is called depends on the reader.
    non_ascii_original_name: 'name',
    // Directories need not be listed.
    nosubdir: 'accepted',
    // Bytes before the first member: another format's file at the same time.
    prefix: 'prefix',
    prefix_comment: 'prefix',
    prefix_crc_collision_two_nonempty: 'prefix',
    prefix_data_descriptor: 'prefix',
    prefix_data_descriptor_zip64: 'prefix',
    prefix_deflate: 'prefix',
    prefix_non_ascii_original_name: 'prefix',
    prefix_normal_deflate: 'prefix',
    prefix_normal_deflate_zip64_extra: 'prefix',
    prefix_store: 'prefix',
    prefix_subdir: 'prefix',
    // The same, found by the locator that points into the prefix.
    prefix_zip64_eocd: 'zip64',
    // The directory gives the member fewer bytes than its local header.
    store_cdsize_0: 'local-header',
    store_cdsize_1: 'local-header',
    store_cdsize_2: 'local-header',
    store_cdsize_3: 'local-header',
    store_cdsize_4: 'local-header',
    store_cdsize_5: 'local-header',
    store_cdsize_6: 'local-header',
    store_cdsize_7: 'local-header',
    // Readers disagree on where the archive ends.
    suffix_not_comment: 'trailing-data',
    // A directory by its mode, a file by its name.
    trailing_slash_attr_mismatch: 'directory-entry',
    zip64_eocd_extensible_data: 'zip64',
    // A second value that is not the header's; too few values.
    zip64_extra_too_long: 'zip64',
    zip64_extra_too_short: 'zip64',
  },
  malicious: {
    second_unicode_extra: 'extra-field',
    short_usize: 'size',
    short_usize_zip64: 'zip64',
    trailing_slash_name: 'directory-entry',
    trailing_slash_payload: 'directory-entry',
    unicode_extra_chain: 'extra-field',
    zip64_eocd_confusion: 'comment',
    zipinzip: 'comment',
  },
  reject: {
    cd_extra_entry: 'duplicate',
    cd_missing_entry: 'gap',
    data_descriptor_bad_content_zero_crc: 'data-descriptor',
    data_descriptor_bad_crc: 'data-descriptor',
    data_descriptor_bad_crc_0: 'data-descriptor',
    data_descriptor_bad_csize: 'data-descriptor',
    data_descriptor_bad_usize: 'data-descriptor',
    data_descriptor_bad_usize_no_sig: 'data-descriptor',
    data_descriptor_zip64_csize: 'data-descriptor',
    data_descriptor_zip64_usize: 'data-descriptor',
    shortextra: 'extra-field',
    zip64_extra_csize: 'overlap',
    zip64_extra_usize: 'size',
  },
}

for (const [folder, verdicts] of Object.entries(VERDICTS)) {
  test(`malo: every file of ${folder}/ gets its verdict`, { skip }, async () => {
    const names = (await readdir(join(corpus, folder))).map((name) => name.replace(/\.zip$/, ''))
    const found: Record<string, Verdict> = {}
    for (const name of names.toSorted()) {
      found[name] = (await findRefusal(join(corpus, folder, `${name}.zip`)))?.reason ?? 'accepted'
    }
    assert.deepEqual(found, verdicts)
  })
}
