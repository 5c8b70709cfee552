//! The names of `meta` elements that say something about a page.

/// What the value of a `meta` element is. Names of one meaning and weight are one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MetaName {
    /// `author`.
    Author,
    /// `article:author`: a name, or the address of a profile.
    ArticleAuthor,
    /// `dc.creator`, `parsely-author`, `sailthru.author`, `byl`.
    OtherAuthor,
    /// `citation_author`: one each, the family name first or last.
    CitationAuthor,
    /// `twitter:label1`, `twitter:data1` and their like.
    TwitterLabel,
    TwitterData,
    /// `og:title`.
    OgTitle,
    /// `twitter:title`, `dc.title`, `citation_title`, `parsely-title`.
    OtherTitle,
    /// `og:site_name`.
    SiteName,
    /// `application-name` and others.
    OtherSiteName,
    /// `article:published_time`.
    Published,
    /// `dc.date`, `pubdate`, `parsely-pub-date`, `citation_publication_date` and others.
    OtherPublished,
    /// A site's own name for it.
    SitePublished,
    /// `article:modified_time`, `og:updated_time`, `last-modified`.
    Modified,
    /// `og:type`.
    OgType,
    /// `og:url`.
    OgUrl,
    /// `og:locale`.
    Locale,
    /// `content-language`, `dc.language`.
    Language,
    /// `og:description`.
    OgDescription,
    /// `description`.
    Description,
    /// `twitter:description`, `dc.description`.
    OtherDescription,
    /// `article:section`, `article:tag`: one category each.
    Category,
    /// `keywords`, `news_keywords`: a list.
    Keywords,
}

/// What a `name`, `property` or `http-equiv` attribute means. Letter case does not count, and `.`, `:`, `-` and `_` are
/// one, as pages write `dc.date`, `DC:date` and `dc_date` alike.
pub(super) fn name(written: &str) -> Option<MetaName> {
    /// As long as the longest name below.
    const LONGEST: usize = 32;
    let written = written.trim().as_bytes();
    let mut buffer = [0u8; LONGEST];
    let buffer = buffer.get_mut(..written.len())?;
    for (to, from) in buffer.iter_mut().zip(written) {
        *to = match from {
            b'.' | b'-' | b'_' => b':',
            other => other.to_ascii_lowercase(),
        };
    }
    Some(match &*buffer {
        b"author" => MetaName::Author,
        b"article:author" | b"article:author:name" | b"og:article:author" | b"og:author" => {
            MetaName::ArticleAuthor
        }
        b"dc:creator"
        | b"dcterms:creator"
        | b"dc:creator:name"
        | b"parsely:author"
        | b"sailthru:author"
        | b"byl"
        | b"byline"
        | b"authors"
        | b"book:author"
        | b"dc:contributor"
        | b"article:byline"
        | b"cxenseparse:author"
        | b"shareaholic:article:author:name"
        | b"vr:author"
        | b"author:name"
        | b"bt:author" => MetaName::OtherAuthor,
        b"citation:author" => MetaName::CitationAuthor,
        b"twitter:label1" | b"twitter:label2" | b"twitter:label3" => MetaName::TwitterLabel,
        b"twitter:data1" | b"twitter:data2" | b"twitter:data3" => MetaName::TwitterData,
        b"og:title" => MetaName::OgTitle,
        b"twitter:title" | b"dc:title" | b"dcterms:title" | b"citation:title"
        | b"parsely:title" | b"sailthru:title" | b"title" => MetaName::OtherTitle,
        b"og:site:name" => MetaName::SiteName,
        b"application:name"
        | b"apple:mobile:web:app:title"
        | b"dc:publisher"
        | b"dcterms:publisher"
        | b"twitter:app:name:iphone"
        | b"al:ios:app:name" => MetaName::OtherSiteName,
        b"article:published:time"
        | b"og:article:published:time"
        | b"og:published:time"
        | b"article:published"
        | b"og:article:published" => MetaName::Published,
        b"dc:date"
        | b"dc:date:issued"
        | b"dc:date:created"
        | b"dc:issued"
        | b"dcterms:date"
        | b"dcterms:issued"
        | b"dcterms:created"
        | b"dc:created"
        | b"dcterms:available"
        | b"date"
        | b"pubdate"
        | b"publishdate"
        | b"publish:date"
        | b"published:date"
        | b"publication:date"
        | b"parsely:pub:date"
        | b"sailthru:date"
        | b"citation:publication:date"
        | b"citation:date"
        | b"citation:online:date"
        | b"article:date:original"
        | b"article:post:date"
        | b"datepublished"
        | b"date:published"
        | b"published:time"
        | b"publishtime"
        | b"ptime"
        | b"originalpublicationdate"
        | b"cxenseparse:recs:publishtime"
        | b"cxenseparse:publishtime"
        | b"shareaholic:article:published:time"
        | b"rnews:datepublished"
        | b"article:created"
        | b"displaydate"
        | b"dateissued"
        | b"release:date"
        | b"bt:pubdate"
        | b"date:release"
        | b"article:publicationdate"
        | b"publisheddate"
        | b"creation:date"
        | b"date:created"
        | b"pub:date" => MetaName::OtherPublished,
        b"article:modified:time"
        | b"og:updated:time"
        | b"last:modified"
        | b"dcterms:modified"
        | b"lastmod"
        | b"dc:date:modified"
        | b"modified:time"
        | b"revised"
        | b"article:updated:time"
        | b"og:modified:time" => MetaName::Modified,
        b"og:type" => MetaName::OgType,
        b"og:url" => MetaName::OgUrl,
        b"og:locale" => MetaName::Locale,
        b"content:language" | b"dc:language" | b"dcterms:language" | b"language" => {
            MetaName::Language
        }
        b"og:description" => MetaName::OgDescription,
        b"description" => MetaName::Description,
        b"twitter:description"
        | b"dc:description"
        | b"dcterms:description"
        | b"sailthru:description" => MetaName::OtherDescription,
        b"article:section" | b"article:tag" | b"parsely:section" => MetaName::Category,
        b"keywords" | b"news:keywords" | b"parsely:tags" | b"sailthru:tags"
        | b"citation:keywords" => MetaName::Keywords,
        b"published" | b"posted" | b"article:date" => MetaName::OtherPublished,
        other => return published(other),
    })
}

/// Names of a site's own that say when: `w-published-date`, `ms.date`.
fn published(name: &[u8]) -> Option<MetaName> {
    let has = |part: &[u8]| memchr::memmem::find(name, part).is_some();
    let when = has(b"publi") && (has(b"date") || has(b"time")) || name.ends_with(b":date");
    let other = [
        b"modif".as_slice(),
        b"expir",
        b"updat",
        b"event",
        b"start",
        b"end",
        b"unpub",
        b"revis",
        b"review",
        b"publisher",
    ];
    (when && !other.iter().any(|part| has(part))).then_some(MetaName::SitePublished)
}
