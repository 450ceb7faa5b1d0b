### What error answers say. Each message exists in every locale, with the same variables.

## Reasons: `messages` of the error envelope, one for each detailCode.

bad-request-syntax = リクエストを解析できませんでした。
bad-request-content = リクエストの構文は正しいものの、内容が意味的に無効です。
unauthorized = 対象リソースに対する有効な認証情報がリクエストに含まれていません。
forbidden = サーバーはリクエストを理解しましたが、認可を拒否しました。
not-found = サーバー上に対象リソースの現在の表現が見つかりませんでした。
method-not-allowed = 対象リソースはリクエストのメソッドをサポートしていません。
not-acceptable = 対象リソースには、リクエストで受け入れ可能と指定された表現がありません。
request-timeout = サーバーの待機時間内に、リクエスト全体を受信できませんでした。
conflict = リクエストが対象リソースの現在の状態と競合しています。
precondition-failed = 対象リソースがリクエストの前提条件を満たしていません。
payload-too-large = リクエストのコンテンツのサイズが、サーバーの許容する上限を超えています。
uri-too-long = リクエストターゲットの長さが、サーバーの許容する上限を超えています。
unsupported-media-type = 対象リソースは、このリクエストのコンテンツ形式に対応していません。
too-many-requests = 短時間に届いたリクエストの数が多すぎます。
header-fields-too-large = リクエストのヘッダーフィールドのサイズが、サーバーの許容する上限を超えています。
internal-fault = 内部エラーが発生しました。
service-unavailable = 現在、サービスは応答できません。しばらくしてからもう一度お試しください。

## Causes: what exactly was wrong with the request, and what is allowed.

# $parameter: name of a query parameter; $given: its value; $min, $max: the bounds
cause-not-an-integer = 「{ $parameter }」には{ $min }以上{ $max }以下の整数を指定してください。指定された値は「{ $given }」です。
cause-not-a-boolean = 「{ $parameter }」には「true」または「false」を指定してください。指定された値は「{ $given }」です。
# $times: how often it was given
cause-parameter-repeated = 「{ $parameter }」は1回しか指定できませんが、{ $times }回指定されています。
# $position: byte position in the query, from 1
cause-percent-encoding = クエリの{ $position }バイト目にある「%」の後に、2桁の16進数が続いていません。
# $position: byte position in the query, from 1, where the parameter begins
cause-query-not-utf8 = クエリの{ $position }バイト目にあるパラメーターは、有効なUTF-8ではありません。
# $path: the path of the request
cause-unknown-path = 「{ $path }」には何も存在しません。
# $method: the method of the request; $allowed: the methods that are supported
cause-method-not-allowed = { $method }メソッドはここではサポートされていません。サポートされているメソッドは{ $allowed }です。
# $limit: bytes
cause-uri-too-long = リクエストターゲットの上限は{ $limit }バイトです。
cause-payload-too-large = リクエストのコンテンツの上限は{ $limit }バイトです。
cause-unsupported-media-type = コンテンツのメディアタイプとして「{ $given }」は使用できません。使用できるメディアタイプは{ $allowed }です。
# $line, $column: place in the content, from 1
cause-not-json = コンテンツの{ $line }行目{ $column }列目に、JSONとして無効な箇所があります。
# $pointer: place in the content, a JSON pointer
cause-field-required = 「{ $pointer }」は必須です。
# $suggestion: the key that was probably meant
cause-unknown-field = 「{ $pointer }」は不明なフィールドです。「{ $suggestion }」の誤りではありませんか。
cause-not-a-string = 「{ $pointer }」には文字列を指定してください。
cause-not-an-object = 「{ $pointer }」にはオブジェクトを指定してください。
cause-not-an-array = 「{ $pointer }」には配列を指定してください。
cause-field-not-an-integer = 「{ $pointer }」には{ $min }以上{ $max }以下の整数を指定してください。指定された値は「{ $given }」です。
cause-not-a-time = 「{ $pointer }」には、西暦1年から9999年までの日時を2026-01-31T23:59:59.000Zのような形式で指定してください。指定された値は「{ $given }」です。
# $allowed: the values, separated by commas
cause-not-one-of = 「{ $pointer }」には{ $allowed }のいずれかを指定してください。指定された値は「{ $given }」です。
# $limit: characters
cause-text-too-long = 「{ $pointer }」の上限は{ $limit }文字です。
# $limit: bytes
cause-json-too-large = 「{ $pointer }」の上限は{ $limit }バイトです。
# $limit: items
cause-too-many-items = 「{ $pointer }」の要素数の上限は{ $limit }です。
cause-null-character = 「{ $pointer }」に、保存できない文字NUL（U+0000）が含まれています。
cause-reserved-key = 「{ $key }」で始まるキーは予約されています。
cause-number-too-long = 「{ $pointer }」に桁数の多すぎる数値が含まれています。上限は{ $limit }桁です。
cause-reserved-id = 「{ $given }」はタスクのIDとして使用できません。値が空であるか、APIのパスとして使用されています。
# $given: the id in the content
cause-id-differs = コンテンツ内のID「{ $given }」が、パス内のIDと一致しません。
cause-completed-without-status = 「{ $pointer }」は、「/completionStatus」と同時に設定する場合にのみ設定できます。
# $allowed: the places that may be changed, separated by commas
cause-immutable = 「{ $pointer }」は変更できません。変更できるのは{ $allowed }です。
cause-not-a-patch-operation = 「{ $pointer }」は、JSON Patch（RFC 6902）の操作ではありません。
cause-patch-target-missing = 「{ $pointer }」には、パッチの変更対象が存在しません。
cause-test-failed = 「{ $pointer }」の値が、パッチで想定されている値と異なります。
# $constraint: name of a constraint of the table
cause-constraint = データベースが値を拒否しました。違反した制約は{ $constraint }です。
# $id: id of a task
cause-unknown-task = IDが「{ $id }」のタスクは存在しません。
# $current: the ETag that the task has now
cause-etag-differs = タスクが変更されています。現在のETagは{ $current }です。
# $parameter: name of a query parameter
cause-parameter-required = 「{ $parameter }」は必須です。
cause-not-a-cursor = 「{ $parameter }」には、この一覧を同じソート条件で取得した際のLinkヘッダーに含まれるカーソルを指定してください。
# $parameter, $other: names of query parameters
cause-parameters-exclude = 「{ $parameter }」は「{ $other }」と同時に指定できません。
# $limit: bytes
cause-line-too-long = 1行の上限は{ $limit }バイトです。
# $limit: lines
cause-too-many-lines = コンテンツの上限は{ $limit }行です。残りは読み取られませんでした。
# $segment: a part of the path
cause-path-encoding = パス内の「{ $segment }」は、パーセントエンコードされた有効なUTF-8ではありません。
cause-content-incomplete = コンテンツが不完全な状態で終了しました。
cause-no-token = Bearer トークンを含む Authorization ヘッダーがありません。
# $limit: bytes
cause-token-too-long = Bearer トークンは最大 { $limit } バイトです。
cause-token-malformed = Bearer トークンは署名付きの JSON Web Token ではありません。
cause-token-kind = Bearer トークンがアクセストークンではないか、サポートされていない拡張を必要としています。
cause-token-algorithm = Bearer トークンは、その鍵の用途ではないアルゴリズムで署名されています。
cause-token-signature = Bearer トークンは、ここで信頼されている鍵で署名されていません。
cause-token-expired = Bearer トークンの有効期限が切れています。
cause-token-not-yet-valid = Bearer トークンはまだ有効ではありません。
cause-token-issuer = Bearer トークンの発行者は、ここでは信頼されていません。
cause-token-audience = Bearer トークンはこのサービス向けではありません。
# $claim: name of a claim
cause-token-claim = Bearer トークンのクレーム { $claim } がないか、時刻ではありません。
cause-token-no-keys = Bearer トークンの検証に使う鍵を利用できません。
cause-not-the-gateway = リクエストがゲートウェイを経由していません。
cause-no-identity = ゲートウェイが呼び出し元を示していません。
# $header: name of a header
cause-unreadable-identity = ヘッダー { $header } が読み取れないか、複数あります。
# $requests: a number; $period: an amount of time, such as 10s
cause-too-many-requests = リクエストは { $period } あたり最大 { $requests } 件です。
cause-overloaded = 現在、処理中のリクエストが多すぎます。
cause-database-unavailable = データベースに接続できません。
cause-not-confirmed = 応答が最新であることを、データベースが時間内に確認できませんでした。
# $seconds: how long was waited
cause-deadline-exceeded = { $seconds }秒以内に応答の準備が完了しませんでした。

## Faults of `filters` and `sorters`. $position counts characters from 1, $item sorters from 1.

cause-filter-too-long = フィルターの長さは{ $length }文字ですが、上限は{ $limit }文字です。
# $expected: one or more of the messages below, separated by commas
cause-filter-unexpected = フィルターの{ $position }文字目にある「{ $found }」は、ここでは使用できません。ここで使用できるのは{ $expected }です。
cause-filter-ends-early = フィルターが途中で終わっています。{ $position }文字目で使用できるのは{ $expected }です。
# $allowed: the fields, separated by commas
cause-filter-unknown-field = フィルターの{ $position }文字目にあるフィールド「{ $given }」は存在しません。使用できるフィールドは{ $allowed }です。
# $allowed: the operators, separated by commas
cause-filter-operator = フィルターの{ $position }文字目にある演算子「{ $given }」は、「{ $field }」には使用できません。使用できる演算子は{ $allowed }です。
# $expected, $given: one of the kinds below
cause-filter-wrong-type = フィルターの{ $position }文字目にある値は、「{ $field }」と比較できません。比較できるのは{ $expected }ですが、指定された値は{ $given }です。
cause-filter-unknown-name = フィルターの{ $position }文字目にある「{ $given }」は、「{ $field }」の値ではありません。使用できる値は{ $expected }です。
cause-filter-invalid-time = フィルターの{ $position }文字目にある「{ $given }」は、2026-01-31T23:59:59Zのような形式の日時ではありません。時刻を指定する場合は、「Z」またはUTCオフセットが必要です。オフセットの「+」は、URLでは%2Bと表記します。
cause-filter-time-out-of-range = フィルターの{ $position }文字目にある日時「{ $given }」は、西暦1年から9999年までの範囲外です。
cause-filter-number-out-of-range = フィルターの{ $position }文字目にある数値「{ $given }」は、{ $min }以上{ $max }以下の範囲外です。
cause-filter-unterminated-text = フィルターの{ $position }文字目から始まる文字列が、二重引用符で閉じられていません。
cause-filter-unknown-escape = フィルターの{ $position }文字目にあるバックスラッシュの後には、バックスラッシュまたは二重引用符が必要です。
cause-filter-null-character = フィルターの{ $position }文字目にある文字NUL（U+0000）は使用できません。
# $limit: characters
cause-filter-text-too-long = フィルターの{ $position }文字目から始まる文字列の長さが、上限の{ $limit }文字を超えています。
# $limit: levels
cause-filter-too-deep = フィルターの{ $position }文字目で、括弧と「not」のネストの深さが上限の{ $limit }階層を超えています。
# $limit: comparisons
cause-filter-too-many-comparisons = フィルターの{ $position }文字目で、比較の数が上限の{ $limit }個を超えています。
# $limit: values
cause-filter-too-many-values = フィルターの{ $position }文字目で、リストの値の数が上限の{ $limit }個を超えています。
cause-sorter-empty = { $item }番目のソート条件が空です。使用できるソート条件は{ $allowed }です。
cause-sorter-unknown = { $item }番目のソート条件「{ $given }」は不明です。使用できるソート条件は{ $allowed }です。降順にするには、それぞれの先頭に「-」を付けます。
cause-sorter-repeated = { $item }番目のソート条件で「{ $sorter }」が重複しています。

## Parts of the messages above: what can stand in a filter, and kinds of values.

expected-field = フィールド
expected-operator = 演算子
expected-end = フィルターの末尾
# $word: a word or sign of the filter language
word = 「{ $word }」
kind-text = 二重引用符で囲まれた文字列
kind-number = 数値
kind-time = 日時
kind-boolean = ブール値
kind-null = null
# $names: the values, separated by commas
kind-enumeration = { $names }
