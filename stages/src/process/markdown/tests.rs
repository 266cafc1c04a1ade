//! Small pieces of HTML and the Markdown they become.

use url::Url;

use super::*;
use crate::process::{NESTING_MAX, content, parse};

fn markdown(html: &str) -> String {
    let dom = parse::parse(html, NESTING_MAX).dom;
    let content = content::find(&dom);
    write(&dom, &content, &Url::parse("https://example.com/docs/page.html").unwrap(), html.len()).markdown
}

#[track_caller]
fn check(html: &str, expected: &str) {
    assert_eq!(markdown(html).trim_end(), expected, "\n{html}");
}

#[test]
fn paragraphs_and_emphasis() {
    check("<p>a  b\n c</p><p>d</p>", "a b c\n\nd");
    check("a<b>b</b> <em>c </em>d", "a**b** *c* d");
    check("<b> x </b>y", "**x** y");
    check("<b>a</b><b>b</b>", "**ab**");
    check("<b><b>a</b></b>", "**a**");
    check("<b>a.</b>b", "a.b");
    check("<p><i></i>x<b> </b>y</p>", "x y");
    check("a<br>b<br><br>c<br>", "a\\\nb\n\nc");
    check("x&nbsp;y co&shy;op", "x y coop");
    check(
        "10<sup>6</sup> 1<sup>st</sup> x<sup><a href=#f>1</a></sup>",
        "10^6 1st x[1](https://example.com/docs/page.html#f)",
    );
    check("<q>x</q> <del>y</del>", "“x” ~~y~~");
}

#[test]
fn text_is_not_read_as_markup() {
    check("<p># x</p><p>- y</p><p>1. z</p><p>&gt; q</p>", "\\# x\n\n\\- y\n\n1\\. z\n\n\\> q");
    check("snake_case __init__ a * b *c*", "snake_case \\_\\_init\\_\\_ a * b \\*c\\*");
    check("&lt;div&gt; a &lt; b &amp;amp; c &amp; d", "\\<div> a < b \\&amp; c & d");
    check("[a](b) [c] d\\*e C:\\dir", "[a\\](b) [c] d\\\\\\*e C:\\dir");
    check("`tick` ~/.x ~~y~~", "\\`tick\\` ~/.x \\~\\~y\\~\\~");
    check("<h2>C #</h2>", "## C \\#");
    check("!<a href=x>y</a>", "\\![y](https://example.com/docs/x)");
}

#[test]
fn code_spans() {
    check("<code>a b</code>", "`a b`");
    check("<code>a`b</code> <code>`</code>", "``a`b`` `` ` ``");
    check("<code>a</code><code>b</code>", "`ab`");
    check("<code><span>a</span>&lt;<a href=b>b</a>&gt;</code>", "`a<b>`");
    check("<a href=/x><code>[u8]::len</code></a>", "[`[u8]::len`](https://example.com/x)");
    check("[<code>]:", "\\[`]:`");
    check("<b><code>x</code></b>", "**`x`**");
    check("<kbd>Ctrl</kbd>+<kbd>C</kbd>", "`Ctrl`+`C`");
}

#[test]
fn links_and_images() {
    check("<a href='../a?b=1#c'>t</a>", "[t](https://example.com/a?b=1#c)");
    check("<a href='javascript:x()'>t</a> <a>u</a> <a href=x></a>", "t u");
    check("<a href='x(1)'>t[1]</a>", "[t\\[1\\]](<https://example.com/docs/x(1)>)");
    check("<img src=i.png alt='An [image]'>", "![An \\[image\\]](https://example.com/docs/i.png)");
    check("<img src=i.png><img src='data:x' alt='words'>", "words");
    check("<a href=x><img src=i.png alt=i></a>", "[![i](https://example.com/docs/i.png)](https://example.com/docs/x)");
    check("<a href=x><h3>T</h3><p>d</p></a>", "### [T](https://example.com/docs/x)\n\n[d](https://example.com/docs/x)");
}

#[test]
fn headings_lose_their_anchor_marks() {
    check("<h1>T<a class=headerlink href=#t>¶</a></h1>", "# T");
    check("<h2 id=t><a class=header href=#t>A <code>b</code></a></h2>", "## A `b`");
    check("<h2><a class=doc-anchor href=#t>§</a>A</h2>", "## A");
    check("<h2>A<a class=hash-link href=#t title='Direct link'>\u{200b}</a></h2>", "## A");
    check("<h2>See <a href=/x>x</a><br>y</h2>", "## See [x](https://example.com/x) y");
    check("<h3></h3>x", "x");
}

#[test]
fn lists() {
    check("<ul><li>a<li>b<ul><li>c</ul></ul>", "- a\n- b\n  - c");
    check("<ol start=9><li>a</li><li>b</li></ol>", "9. a\n10. b");
    check("<ol><li>a<ol start=3><li>b</ol></ol>", "1. a\n\n   3. b");
    check("<ul><li><p>a</p></li><li><p>b</p></li></ul>", "- a\n- b");
    check("<ul><li><p>a</p><p>b</p></li><li>c</li></ul>", "- a\n\n  b\n\n- c");
    check("<ul><li>a</ul><ul><li>b</ul>", "- a\n\n* b");
    check("<ul><li></li><li> <li>x</ul>", "- x");
    check("<ul><li><ul><li>x</ul></ul>", "- - x");
    check("<ul><li><input type=checkbox checked> a<li><input type=checkbox disabled> b</ul>", "- [x] a\n- [ ] b");
    check("<ul><li><h2>a</h2>b</li><li><h2>c</h2></li></ul>", "## a\n\nb\n\n## c");
    check("<ul>stray<li>a</ul>", "- stray\n- a");
    check("<ul><li>a<pre>b\n\nc</pre></ul>", "- a\n\n  ```\n  b\n\n  c\n  ```");
}

#[test]
fn definition_lists() {
    check("<dl><dt>a<dd>b<dt>c<dt>d<dd><p>e</p></dl>", "- **a**: b\n- **c**, **d**: e");
    check("<dl><dt><code>a</code></dt><dd><p>b</p><p>c</p></dd></dl>", "**`a`**\n\nb\n\nc");
    check("<dl><div><dt>a</dt><dd>b</dd></div><div><dt>c</dt><dd>d</dd></div></dl>", "- **a**: b\n- **c**: d");
    check("<dl><dt>a:</dt><dd>b</dd></dl>", "- **a:** b");
    check(
        "<dl><dt class='sig py'>f(<em>*a_</em>)<a class=headerlink>¶</a></dt><dd><p>b<pre>c</pre></dl>",
        "`f(*a_)`\n\nb\n\n```\nc\n```",
    );
    check("<dl><dt>a</dt><dt>b</dt></dl>x", "**a**, **b**\n\nx");
}

#[test]
fn quotes() {
    check("<blockquote><p>a</p><ul><li>b</ul></blockquote>c", "> a\n>\n> - b\n\nc");
    check("<blockquote><blockquote>a</blockquote></blockquote>", "> > a");
    check("<ul><li><blockquote>a</blockquote></ul>", "- > a");
}

#[test]
fn code_blocks_keep_every_byte_and_name_their_language() {
    check(
        "<pre><code class='language-rust ignore'>fn a() {\n\n    \n}\n</code></pre>",
        "```rust\nfn a() {\n\n    \n}\n```",
    );
    check("<pre>\n\n x\n\n</pre>", "```\n\n x\n\n```");
    check("<pre>```\na\n```</pre>", "````\n```\na\n```\n````");
    check(
        "<div class='highlight-python3 notranslate'><div class=highlight><pre><span></span>x</pre></div></div>",
        "```python3\nx\n```",
    );
    check("<div class='highlight-default'><div class=highlight><pre>x</pre></div></div>", "```\nx\n```");
    check("<div class='language-js extra-class'><pre class='language-js'><code>x</code></pre></div>", "```js\nx\n```");
    check("<pre class='sourceCode haskell'><code>x</code></pre>", "```haskell\nx\n```");
    check("<pre class='brush: js; toolbar'>x</pre>", "```js\nx\n```");
    check("<div class=highlight><pre><code data-lang=go>x</code></pre></div>", "```go\nx\n```");
    check("<pre class='rust rust-example-rendered'><code>x</code></pre>", "```rust\nx\n```");
    check("<pre>a<br>b<button>Copy</button></pre>", "```\na\nb\n```");
    check("<pre><code><div class=line>a</div><div class=line>b</div></code></pre>", "```\na\nb\n```");
    check("<pre> \n </pre>x", "x");
}

#[test]
fn line_numbers_are_dropped() {
    check(
        "<table class=highlighttable><tr><td class=linenos><div class=linenodiv><pre>1\n2</pre></div></td><td class=code><div><pre>a\nb\n</pre></div></td></tr></table>",
        "```\na\nb\n```",
    );
    check(
        "<div class=highlight><div class=chroma><table class=lntable><tr><td class=lntd><pre class=chroma><code><span class=lnt>1\n</span><span class=lnt>2\n</span></code></pre></td><td class=lntd><pre class=chroma><code class=language-go data-lang=go>a\nb\n</code></pre></td></tr></table></div></div>",
        "```go\na\nb\n```",
    );
    check("<pre><span class=ln>1</span>a\n<span class=ln>2</span>b\n</pre>", "```\na\nb\n```");
    check(
        "<pre><code><table class=hljs-ln><tr><td class=hljs-ln-numbers>1</td><td>a</td></tr><tr><td class=hljs-ln-numbers>2</td><td>b</td></tr></table></code></pre>",
        "```\na\nb\n```",
    );
}

#[test]
fn tables() {
    check(
        "<table><thead><tr><th>A<th>B</thead><tr><td>1|2<td><code>a|b</code></table>",
        "| A | B |\n| --- | --- |\n| 1\\|2 | `a\\|b` |",
    );
    check("<table><tr><td>1<td>2<tr><td>3</table>", "| | |\n| --- | --- |\n| 1 | 2 |\n| 3 |");
    check(
        "<table><tr><th>A<th colspan=2>B<tr><td rowspan=2>1<td>2<td>3<tr><td>4<td>5</table>",
        "| A | B | |\n| --- | --- | --- |\n| 1 | 2 | 3 |\n| | 4 | 5 |",
    );
    check(
        "<table><tr><th>A<th>B<tr><td><p>x</p><p>y</p><td><ul><li>p<li>q</ul></table>",
        "| A | B |\n| --- | --- |\n| x<br>y | • p<br>• q |",
    );
    check("<table><tr><td><h2>T</h2><p>x<td><pre>a\nb</pre></table>", "## T\n\nx\n\n```\na\nb\n```");
    check("<table><caption>C</caption><tr><th>A<tr><td>x</table>", "C\n\n| A |\n| --- |\n| x |");
    check("<table><tr><td></table>x", "x");
}

#[test]
fn chrome_is_left_out() {
    check(
        "<body><header>Site</header><nav>n</nav><main><nav class=breadcrumbs>b</nav><h1>T</h1><p>x<script>s</script><a class=edit-this-page href=e>Edit this page</a></p><footer>f</footer></main><aside>a</aside><footer>g</footer>",
        "# T\n\nx",
    );
    check("<main><p hidden>h</p><p style='display: none'>i</p><div role=tabpanel hidden>tab</div></main>", "tab");
    check("<main><aside class='admonition note'>kept</aside><aside class=ad>dropped</aside></main>", "kept");
    check(
        "<main><aside class=sidebar><p class=sidebar-title>T<p>kept</aside><div class=sidebar>dropped</div>",
        "T\n\nkept",
    );
    check("<div id=cookie-banner>Cookies!</div><p>x</p><noscript>js</noscript>", "x");
    check("<hr>", "***");
}

#[test]
fn formulas_are_tex() {
    check(
        "<math><semantics><mi>x</mi><annotation encoding='application/x-tex'>x^2</annotation></semantics></math>",
        "$x^2$",
    );
    check("<p>a <span class=math>\\(x\\)</span></p><div class='math notranslate'>\\[y\\]</div>", "a $x$\n\n$y$");
    check("<p>x <script type='math/tex'>a_b</script>", "x $a_b$");
}

#[test]
fn a_heading_knows_its_anchor() {
    let anchors = |html: &str| {
        let dom = parse::parse(html, NESTING_MAX).dom;
        let written = write(&dom, &content::find(&dom), &Url::parse("https://example.com/").unwrap(), 0);
        written.anchors.into_iter().map(|(_, anchor)| anchor.unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(
        anchors("<h1 id=a>x</h1><h2><a name=b></a>y</h2><a id=c></a> <h3>z</h3><h4>w</h4>"),
        ["a", "b", "c", ""]
    );
    assert_eq!(anchors("<section id=s><h2>x</h2><p>p</p><h3>y</h3></section>"), ["s", ""]);
    assert_eq!(anchors("<p id=p>text</p><h2>y</h2>"), [""]);
}
