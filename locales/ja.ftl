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
cause-database-unavailable = データベースに接続できません。
# $seconds: how long was waited
cause-deadline-exceeded = { $seconds }秒以内に応答の準備が完了しませんでした。
