### Texts of error responses. Every locale has the same messages with the same variables.

## Reasons: `messages` of an error, one for each `detailCode`.

bad-request-syntax = The request could not be parsed.
bad-request-content = The request was syntactically correct but its content is semantically invalid.
unauthorized = The request has no valid credentials for the target resource.
forbidden = The server understood the request but refuses to authorize it.
not-found = The server did not find a current representation for the target resource.
method-not-allowed = The target resource does not support the method of the request.
not-acceptable = The target resource has no representation that the request accepts.
request-timeout = The request did not arrive completely within the time that the server waits for it.
conflict = The request conflicts with the current state of the target resource.
precondition-failed = The target resource does not meet a precondition of the request.
payload-too-large = The content of the request is larger than the server accepts.
uri-too-long = The target of the request is longer than the server accepts.
unsupported-media-type = The target resource does not accept content in the format of the request.
too-many-requests = Too many requests have arrived in a short time.
header-fields-too-large = The header fields of the request are larger than the server accepts.
internal-fault = An internal fault occurred.
service-unavailable = The service is temporarily unavailable. Try again later.

## Causes: `causes` of an error, saying what is wrong and what is allowed.

# $parameter: name of a query parameter; $given: its value; $min, $max: the bounds
cause-not-an-integer = “{ $parameter }” must be an integer from { $min } to { $max }, not “{ $given }”.
cause-not-a-boolean = “{ $parameter }” must be “true” or “false”, not “{ $given }”.
# $times: how often it was given
cause-parameter-repeated = “{ $parameter }” may be given only once; it was given { $times } times.
# $position: byte position in the query, from 1
cause-percent-encoding = The “%” at position { $position } of the query is not followed by two hexadecimal digits.
cause-blank-in-target = The request target has a blank in it. Write it as %20.
cause-unreadable-head = The head of the request cannot be read. If its target has a raw " or a blank in it, write these as %22 and %20.
# $position: byte position in the query, from 1, where the name or the value begins
cause-query-not-utf8 = The parameter at position { $position } of the query is not UTF-8.
# $path: the path of the request
cause-unknown-path = The path “{ $path }” does not exist.
# $method: the method of the request; $allowed: the methods that are supported
cause-method-not-allowed = The method { $method } is not supported here. Supported: { $allowed }.
# $limit: bytes
cause-uri-too-long = The target of the request may have at most { $limit } bytes.
cause-payload-too-large = The content of the request may have at most { $limit } bytes.
cause-unsupported-media-type = The content cannot be of type “{ $given }”. Supported: { $allowed }.
# $given: the value of Content-Encoding
cause-content-coding = The content cannot be encoded as “{ $given }”. Send it unencoded.
# $given: the value of Transfer-Encoding
cause-transfer-encoding = The header Transfer-Encoding can only be “chunked”, not “{ $given }”.
cause-host-field = The request needs the header Host exactly once, with a host and, if necessary, a port.
# $given: the host that was requested
cause-host-not-allowed = This service does not respond to the host “{ $given }”. The setting --allowed-hosts lists the hosts that it responds to.
# $line, $column: position in the content, from 1
cause-not-json = The content is not valid JSON at line { $line }, column { $column }.
# $limit: levels of arrays and objects
cause-content-too-deep = The content of the request may be nested at most { $limit } levels deep.
# $pointer: JSON pointer to a part of the content
cause-field-required = “{ $pointer }” is required.
# $suggestion: the key that was probably meant
cause-unknown-field = “{ $pointer }” is unknown. Did you mean “{ $suggestion }”?
cause-not-a-string = “{ $pointer }” must be a string.
cause-not-an-object = “{ $pointer }” must be an object.
cause-not-an-array = “{ $pointer }” must be an array.
cause-field-not-an-integer = “{ $pointer }” must be an integer from { $min } to { $max }, not “{ $given }”.
cause-not-a-time = “{ $pointer }” must be a time such as 2026-01-31T23:59:59.000Z, in the years 1 to 9999, not “{ $given }”.
# $limit: a number of minutes. $now: a time
cause-ahead = “{ $pointer }” is { $given }, more than { $limit } minutes ahead of the database’s clock, which says { $now }. Leave it out to use that clock.
# $allowed: the values, separated by commas
cause-not-one-of = “{ $pointer }” must be one of { $allowed }, not “{ $given }”.
# $limit: characters
cause-text-too-long = “{ $pointer }” may have at most { $limit } characters.
# $limit: bytes
cause-json-too-large = “{ $pointer }” may have at most { $limit } bytes.
# $limit: levels of arrays and objects
cause-json-too-deep = “{ $pointer }” may be nested at most { $limit } levels deep.
# $limit: items
cause-too-many-items = “{ $pointer }” may have at most { $limit } items.
cause-null-character = “{ $pointer }” contains the character NUL (U+0000), which cannot be stored.
cause-reserved-key = Keys that begin with “{ $key }” are reserved.
cause-number-too-long = “{ $pointer }” contains a number with more than { $limit } digits.
cause-number-too-large = “{ $pointer }” contains a number that is too large for a 64-bit float.
cause-reserved-id = “{ $given }” cannot be the id of a task: it is empty or a route of the API.
# $given: the id in the content
cause-id-differs = The id in the content, “{ $given }”, is not the one in the path.
cause-completed-without-status = “{ $pointer }” can be set only together with “/completionStatus”.
# $allowed: the members that may be changed, separated by commas
cause-immutable = “{ $pointer }” cannot be changed. These can: { $allowed }.
cause-not-a-patch-operation = “{ $pointer }” is not an operation of JSON Patch (RFC 6902).
cause-patch-target-missing = The patch refers to “{ $pointer }”, which is missing.
cause-test-failed = The patch expected another value at “{ $pointer }”.
# $constraint: name of a constraint of the table
cause-constraint = The database refused a value: { $constraint }.
# $id: id of a task
cause-unknown-task = There is no task with the id “{ $id }”.
# $current: the ETag that the task has now
cause-etag-differs = The task has changed: its ETag is now { $current }.
# $given: the ETag as it came
cause-etag-weak = If-Match needs a strong ETag, and { $given } is weak: a proxy that compresses has made it so. Let it pass on the responses of this service uncompressed (nginx: gzip off).
# $current: the ETag that the task has now
cause-task-exists = The task exists, which If-None-Match rules out: its ETag is { $current }.
# $header: name of a header
cause-precondition-of-list = { $header } cannot be met here. It is for a single task, with PUT or PATCH on /task-status/ and its id.
# $parameter: name of a query parameter
cause-parameter-required = “{ $parameter }” is required.
cause-not-a-cursor = “{ $parameter }” must be a cursor from a Link header of this list with the same sorters.
cause-left-out-of-link = “{ $parameter }” stands for a value that was too long for the header Link. Repeat the value of the first request, or page with “offset”.
# $parameter, $other: names of query parameters
cause-parameters-exclude = “{ $parameter }” cannot be given together with “{ $other }”.
# $limit: bytes
cause-line-too-long = A line may have at most { $limit } bytes.
# $limit: lines
cause-too-many-lines = The content may have at most { $limit } lines; the rest was not read.
# $segment: a part of the path
cause-path-encoding = “{ $segment }” in the path is not percent-encoded UTF-8.
cause-content-incomplete = The content ended before it was complete.
cause-no-token = The header Authorization with a bearer token is missing.
cause-token-malformed = The bearer token is not a signed JSON Web Token.
cause-token-kind = The bearer token is not an access token, or needs an extension that is not supported.
cause-token-algorithm = The bearer token is signed with an algorithm that its key is not meant for.
cause-token-signature = The bearer token is not signed with a trusted key.
cause-token-expired = The bearer token has expired.
cause-token-not-yet-valid = The bearer token is not valid yet.
cause-token-issuer = The bearer token is not from a trusted issuer.
cause-token-audience = The bearer token is not meant for this service.
# $claim: name of a claim
cause-token-claim = The claim { $claim } of the bearer token is missing or is not a time.
cause-token-no-keys = The keys that bearer tokens are checked with are not available.
cause-not-the-gateway = The request does not come through the gateway.
cause-no-identity = The gateway sent no identity of the caller.
# $header: name of a header
cause-unreadable-identity = The header { $header } cannot be read or is repeated.
# $requests: a number; $period: an amount of time, such as 10s
cause-too-many-requests = At most { $requests } requests in { $period } are allowed.
cause-overloaded = Too many requests are in flight.
cause-database-unavailable = The database cannot be reached.
cause-statement-timeout = The database took too long to answer this request. A narrower filter or fewer tasks may help.
cause-memory-exhausted = The memory for responses is in use.
# $limit: bytes
cause-response-too-large = The response would have more than { $limit } bytes. Ask for fewer tasks with “limit”.
# $limit: tasks
cause-too-many-tasks = More than { $limit } tasks match. Narrow the filter, or ask for fewer tasks with “limit”.
cause-export-version = CSV and newline-delimited JSON need HTTP/1.1: over HTTP/1.0 a part looks like the whole. A proxy in between may need a setting, as nginx does: proxy_http_version 1.1.
cause-not-confirmed = The database did not confirm in time that the response is current.
# $seconds: the timeout
cause-deadline-exceeded = The response was not ready within { $seconds } seconds.

## Causes of `filters` and `sorters`. $position counts characters from 1, $item sorters from 1.

cause-filter-too-long = The filter has { $length } characters; at most { $limit } are allowed.
# $expected: one or more of the messages below, separated by commas
cause-filter-unexpected = Position { $position } of the filter: unexpected “{ $found }”. Expected: { $expected }.
cause-filter-ends-early = Position { $position } of the filter: it ends too early. Expected: { $expected }.
# $allowed: the fields, separated by commas
cause-filter-unknown-field = Position { $position } of the filter: there is no field “{ $given }”. Fields: { $allowed }.
# $allowed: the operators, separated by commas
cause-filter-operator = Position { $position } of the filter: “{ $field }” does not take the operator “{ $given }”. Operators: { $allowed }.
# $expected, $given: one of the types below
cause-filter-wrong-type = Position { $position } of the filter: “{ $field }” is compared with { $expected }, not with { $given }.
cause-filter-unknown-name = Position { $position } of the filter: “{ $given }” is not a value of “{ $field }”. Allowed: { $expected }.
cause-filter-invalid-time = Position { $position } of the filter: “{ $given }” is not a time such as 2026-01-31T23:59:59Z. A time of day needs “Z” or an offset, whose “+” is %2B in a URL.
cause-filter-time-out-of-range = Position { $position } of the filter: the time “{ $given }” is outside the years 1 to 9999.
cause-filter-number-out-of-range = Position { $position } of the filter: the number “{ $given }” is outside { $min } to { $max }.
cause-filter-unterminated-text = Position { $position } of the filter: the string that begins here has no closing double quote.
cause-filter-unknown-escape = Position { $position } of the filter: a backslash must begin an escape of JSON: \" \\ \/ \b \f \n \r \t \u00e9.
cause-filter-null-character = Position { $position } of the filter: the character NUL (U+0000) is not allowed.
# $limit: characters
cause-filter-text-too-long = Position { $position } of the filter: the string that begins here is longer than { $limit } characters.
# $limit: levels
cause-filter-too-deep = Position { $position } of the filter: parentheses and “not” are nested deeper than { $limit } levels.
# $limit: comparisons
cause-filter-too-many-comparisons = Position { $position } of the filter: there are more than { $limit } comparisons.
# $limit: values
cause-filter-too-many-values = Position { $position } of the filter: the list has more than { $limit } values.
cause-sorter-empty = Sorter { $item } is empty. Sorters: { $allowed }.
cause-sorter-unknown = Sorter { $item } is “{ $given }”, which is unknown. Sorters: { $allowed }, each with an optional “-” for descending order.
cause-sorter-repeated = Sorter { $item } repeats “{ $sorter }”.

## Parts of the messages above: elements of a filter, and types of values.

expected-field = a field
expected-operator = an operator
expected-end = the end of the filter
# $word: a word or sign of the filter language
word = “{ $word }”
kind-text = a string in double quotes
kind-number = a number
kind-time = a time
kind-boolean = a boolean
kind-null = null
# $names: the values, separated by commas
kind-enumeration = { $names }
