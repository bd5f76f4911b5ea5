//! Moving a file on S3: a copy, which appears as a whole, and then the deletion of what was copied. A
//! move that was cut off between the two is finished by doing it again.
//!
//! In a bucket that keeps versions, what was staged and deleted leaves a delete marker and its old
//! version behind: to delete versions is a permission of its own, which nothing else here needs. A
//! lifecycle rule on `<zone>/_lakegate/staging/` that expires old versions and markers clears them away.

use aws_sdk_s3::{
    Client,
    operation::head_object::HeadObjectOutput,
    types::{CompletedMultipartUpload, CompletedPart},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakegate_coordinator::ports::{Promotion, Result};
use lakegate_model::{Failure, FailureCode, Location};

use super::requests::{failure, place, size, stat, version};

const MIB: u64 = 1 << 20;
/// Parts of one file that are copied at a time.
const PARTS: usize = 8;
/// The most parts a file may have.
const MOST_PARTS: u64 = 10_000;

/// How files are copied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// The largest that is copied by one request.
    pub(super) whole: u64,
    /// The least that is a part of a larger one.
    pub(super) part: u64,
}

/// S3 copies up to 5 GiB by one request. It answers only when it is done, so these are smaller: each
/// must be done before a try's time is over.
impl Default for Sizes {
    fn default() -> Sizes {
        Sizes { whole: 512 * MIB, part: 128 * MIB }
    }
}

/// Moves one file, and gives the version that it has where it belongs: a copy has one of its own. One that
/// is gone but is where it belongs was moved by an earlier try.
pub(super) async fn promote(client: &Client, sizes: Sizes, Promotion { from, to }: Promotion) -> Result<String> {
    let Some(found) = stat(client, &from).await? else {
        return match stat(client, &to).await? {
            Some(moved) => version(&to, moved.version_id(), moved.e_tag()),
            None => Err(Failure::new(FailureCode::LakeIo, format!("{from} is gone, and {to} is not there either"))
                .hint("something other than lakegate deletes in the zone; run it again")),
        };
    };
    let job = Copy { client, from: &from, to: &to, source: source(&from)?, found };
    let copied = if size(&job.found) <= sizes.whole { job.whole().await? } else { job.in_parts(sizes).await? };
    let (bucket, key) = place(&from)?;
    let deleted = client.delete_object().bucket(bucket).key(key).send().await;
    deleted.map(|_| copied).map_err(|error| failure(&format!("delete {from}, which was copied to {to}"), &error))
}

/// One copy. The source must not change meanwhile.
struct Copy<'a> {
    client: &'a Client,
    from: &'a Location,
    to: &'a Location,
    source: String,
    found: HeadObjectOutput,
}

impl Copy<'_> {
    fn what(&self) -> String {
        format!("copy {} to {}", self.from, self.to)
    }

    async fn whole(&self) -> Result<String> {
        let (bucket, key) = place(self.to)?;
        let request = self.client.copy_object().bucket(bucket).key(key).copy_source(&self.source);
        let request = request.set_copy_source_if_match(self.found.e_tag().map(str::to_owned));
        let copy = request.send().await.map_err(|error| failure(&self.what(), &error))?;
        version(self.to, copy.version_id(), copy.copy_object_result().and_then(|result| result.e_tag()))
    }

    async fn in_parts(&self, sizes: Sizes) -> Result<String> {
        let (bucket, key) = place(self.to)?;
        let request = self.client.create_multipart_upload().bucket(bucket).key(key);
        let request = request.set_content_type(self.found.content_type().map(str::to_owned)).set_metadata(self.found.metadata().cloned());
        let begun = request.send().await.map_err(|error| failure(&self.what(), &error))?;
        let nameless = || Failure::new(FailureCode::LakeIo, format!("could not {}: S3 gives no upload id", self.what()));
        let upload = begun.upload_id().ok_or_else(nameless)?;
        let copied = self.parts(sizes, upload).await;
        if copied.is_err() {
            // What was copied would lie there unseen, and cost. The copy's own failure is the one to tell.
            let _ = self.client.abort_multipart_upload().bucket(bucket).key(key).upload_id(upload).send().await;
        }
        copied
    }

    async fn parts(&self, sizes: Sizes, upload: &str) -> Result<String> {
        let (bucket, key) = place(self.to)?;
        let ranges = ranges(size(&self.found), sizes.part).into_iter();
        let parts = ranges.map(|(number, range)| self.part(upload, number, range));
        let mut parts: Vec<CompletedPart> = stream::iter(parts).buffer_unordered(PARTS).try_collect().await?;
        parts.sort_by_key(CompletedPart::part_number);
        let whole = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.client.complete_multipart_upload().bucket(bucket).key(key).upload_id(upload).multipart_upload(whole);
        let copy = request.send().await.map_err(|error| failure(&self.what(), &error))?;
        version(self.to, copy.version_id(), copy.e_tag())
    }

    async fn part(&self, upload: &str, number: i32, range: String) -> Result<CompletedPart> {
        let (bucket, key) = place(self.to)?;
        let request = self.client.upload_part_copy().bucket(bucket).key(key).upload_id(upload).part_number(number);
        let request = request.copy_source(&self.source).copy_source_range(range);
        let request = request.set_copy_source_if_match(self.found.e_tag().map(str::to_owned));
        let output = request.send().await.map_err(|error| failure(&self.what(), &error))?;
        let etag = output.copy_part_result().and_then(|result| result.e_tag()).map(str::to_owned);
        Ok(CompletedPart::builder().part_number(number).set_e_tag(etag).build())
    }
}

/// The parts of a file: their numbers, and their first and last bytes as `bytes=0-9`.
fn ranges(size: u64, part: u64) -> Vec<(i32, String)> {
    let part = part.max(size.div_ceil(MOST_PARTS)).max(1);
    let range = |(number, begin): (i32, u64)| (number, format!("bytes={begin}-{}", (begin + part).min(size) - 1));
    (1..).zip((0..size).step_by(usize::try_from(part).unwrap_or(usize::MAX))).map(range).collect()
}

/// A file as the source of a copy: percent-encoded but for the slashes.
fn source(at: &Location) -> Result<String> {
    let (bucket, key) = place(at)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    let encoded = key.bytes().map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    Ok(format!("{bucket}/{}", encoded.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_percent_encoded() {
        for (at, expected) in [
            ("s3://lake/a/b.parquet", "lake/a/b.parquet"),
            ("s3://lake/a b+%ü.parquet", "lake/a%20b%2B%25%C3%BC.parquet"),
            ("s3://lake/month=1/?#&'\"😀", "lake/month%3D1/%3F%23%26%27%22%F0%9F%98%80"),
        ] {
            assert_eq!(source(&Location::new(at)).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn parts_cover_a_file_once_and_are_never_too_many() {
        let text = |size, part| ranges(size, part).into_iter().map(|(number, range)| format!("{number} {range}")).collect::<Vec<_>>();
        assert_eq!(text(10, 4), ["1 bytes=0-3", "2 bytes=4-7", "3 bytes=8-9"]);
        assert_eq!(text(8, 4), ["1 bytes=0-3", "2 bytes=4-7"]);
        let largest = ranges(5 << 40, Sizes::default().part);
        assert!(largest.len() <= 10_000 && largest.len() > 9_000);
        assert!(largest.last().is_some_and(|(_, range)| range.ends_with(&format!("-{}", (5_u64 << 40) - 1))));
    }
}
