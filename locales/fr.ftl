### What error answers say. Each message exists in every locale, with the same variables.

## Reasons: `messages` of the error envelope, one for each detailCode.

bad-request-syntax = La requête n’a pas pu être analysée.
bad-request-content = La requête est syntaxiquement correcte, mais son contenu est sémantiquement invalide.
unauthorized = La requête ne contient aucune information d’authentification valide pour la ressource cible.
forbidden = Le serveur a compris la requête, mais refuse de l’autoriser.
not-found = Le serveur n’a trouvé aucune représentation actuelle de la ressource cible.
method-not-allowed = La ressource cible ne prend pas en charge la méthode de la requête.
not-acceptable = La ressource cible ne dispose d’aucune représentation acceptée par la requête.
request-timeout = La requête n’est pas parvenue en entier au serveur dans le délai d’attente imparti.
conflict = La requête est en conflit avec l’état actuel de la ressource cible.
precondition-failed = La ressource cible ne satisfait pas à une condition préalable de la requête.
payload-too-large = La taille du contenu de la requête dépasse la limite acceptée par le serveur.
uri-too-long = La longueur de la cible de la requête dépasse la limite acceptée par le serveur.
unsupported-media-type = La ressource cible n’accepte pas le format du contenu de la requête.
too-many-requests = Trop de requêtes ont été reçues en peu de temps.
header-fields-too-large = La taille des champs d’en-tête de la requête dépasse la limite acceptée par le serveur.
internal-fault = Une erreur interne s’est produite.
service-unavailable = Le service ne peut pas répondre pour le moment. Veuillez réessayer ultérieurement.

## Causes: what exactly was wrong with the request, and what is allowed.

# $parameter: name of a query parameter; $given: its value; $min, $max: the bounds
cause-not-an-integer = « { $parameter } » doit être un entier compris entre { $min } et { $max } inclus, et non « { $given } ».
cause-not-a-boolean = « { $parameter } » doit valoir « true » ou « false », et non « { $given } ».
# $times: how often it was given
cause-parameter-repeated = Le paramètre « { $parameter } » ne peut être indiqué qu’une seule fois ; il l’a été { $times } fois.
# $position: byte position in the query, from 1
cause-percent-encoding = Le caractère « % » à la position { $position } de la chaîne de requête n’est pas suivi de deux chiffres hexadécimaux.
# $position: byte position in the query, from 1, where the parameter begins
cause-query-not-utf8 = Le paramètre à la position { $position } de la chaîne de requête n’est pas encodé en UTF-8.
# $path: the path of the request
cause-unknown-path = Il n’y a rien à l’emplacement « { $path } ».
# $method: the method of the request; $allowed: the methods that are supported
cause-method-not-allowed = La méthode { $method } n’est pas prise en charge ici. Méthodes prises en charge : { $allowed }.
# $limit: bytes
cause-uri-too-long = La longueur maximale de la cible de la requête, en octets, est de { $limit }.
cause-payload-too-large = La taille maximale du contenu de la requête, en octets, est de { $limit }.
cause-unsupported-media-type = Le contenu ne peut pas être de type « { $given } ». Types acceptés : { $allowed }.
# $line, $column: place in the content, from 1
cause-not-json = Le contenu n’est pas du JSON valide à la ligne { $line }, colonne { $column }.
# $pointer: place in the content, a JSON pointer
cause-field-required = « { $pointer } » est obligatoire.
# $suggestion: the key that was probably meant
cause-unknown-field = « { $pointer } » est inconnu. Vouliez-vous dire « { $suggestion } » ?
cause-not-a-string = « { $pointer } » doit être une chaîne de caractères.
cause-not-an-object = « { $pointer } » doit être un objet.
cause-not-an-array = « { $pointer } » doit être un tableau.
cause-field-not-an-integer = « { $pointer } » doit être un entier compris entre { $min } et { $max } inclus, et non « { $given } ».
cause-not-a-time = « { $pointer } » doit être un horodatage tel que 2026-01-31T23:59:59.000Z, compris entre les années 1 et 9999, et non « { $given } ».
# $allowed: the values, separated by commas
cause-not-one-of = « { $pointer } » doit être l’une des valeurs { $allowed }, et non « { $given } ».
# $limit: characters
cause-text-too-long = La longueur maximale de « { $pointer } », en caractères, est de { $limit }.
# $limit: bytes
cause-json-too-large = La taille maximale de « { $pointer } », en octets, est de { $limit }.
# $limit: items
cause-too-many-items = Le nombre maximal d’éléments de « { $pointer } » est de { $limit }.
cause-null-character = « { $pointer } » contient le caractère NUL (U+0000), qui ne peut pas être enregistré.
cause-reserved-key = Les clés qui commencent par « { $key } » sont réservées.
cause-number-too-long = « { $pointer } » contient un nombre qui a trop de chiffres. Maximum : { $limit }.
cause-reserved-id = « { $given } » ne peut pas être l’identifiant d’une tâche : la valeur est vide ou correspond à une route de l’API.
# $given: the id in the content
cause-id-differs = L’identifiant indiqué dans le contenu, « { $given } », n’est pas celui du chemin.
cause-completed-without-status = « { $pointer } » ne peut être défini qu’en même temps que « /completionStatus ».
# $allowed: the places that may be changed, separated by commas
cause-immutable = « { $pointer } » ne peut pas être modifié. Éléments modifiables : { $allowed }.
cause-not-a-patch-operation = « { $pointer } » n’est pas une opération de JSON Patch (RFC 6902).
cause-patch-target-missing = Il n’y a rien à l’emplacement « { $pointer } » que le patch puisse modifier.
cause-test-failed = Le patch attendait une autre valeur à l’emplacement « { $pointer } ».
# $constraint: name of a constraint of the table
cause-constraint = La base de données a refusé une valeur : { $constraint }.
# $id: id of a task
cause-unknown-task = Il n’existe aucune tâche dont l’identifiant est « { $id } ».
# $current: the ETag that the task has now
cause-etag-differs = La tâche a changé : son ETag est désormais { $current }.
# $parameter: name of a query parameter
cause-parameter-required = Le paramètre « { $parameter } » est obligatoire.
cause-not-a-cursor = Le paramètre « { $parameter } » doit être un curseur provenant d’un en-tête Link de cette liste, avec les mêmes critères de tri.
# $parameter, $other: names of query parameters
cause-parameters-exclude = Le paramètre « { $parameter } » ne peut pas être indiqué en même temps que « { $other } ».
# $limit: bytes
cause-line-too-long = La longueur maximale d’une ligne, en octets, est de { $limit }.
# $limit: lines
cause-too-many-lines = Le nombre maximal de lignes du contenu est de { $limit } ; le reste n’a pas été lu.
# $segment: a part of the path
cause-path-encoding = La partie « { $segment } » du chemin n’est pas un encodage-pourcent valide de texte UTF-8.
cause-content-incomplete = Le contenu s’est interrompu avant d’être complet.
cause-no-token = L’en-tête « Authorization » avec un jeton porteur est absent.
# $limit: bytes
cause-token-too-long = Le jeton porteur peut compter au maximum { $limit } octets.
cause-token-malformed = Le jeton porteur n’est pas un JSON Web Token signé.
cause-token-kind = Le jeton porteur n’est pas un jeton d’accès ou requiert une extension qui n’est pas prise en charge.
cause-token-algorithm = Le jeton porteur est signé avec un algorithme auquel sa clé n’est pas destinée.
cause-token-signature = Le jeton porteur n’est pas signé avec une clé reconnue ici.
cause-token-expired = Le jeton porteur a expiré.
cause-token-not-yet-valid = Le jeton porteur n’est pas encore valide.
cause-token-issuer = Le jeton porteur ne provient pas d’un émetteur reconnu ici.
cause-token-audience = Le jeton porteur n’est pas destiné à ce service.
# $claim: name of a claim
cause-token-claim = La revendication { $claim } du jeton porteur est absente ou n’est pas une date.
cause-token-no-keys = Les clés servant à vérifier les jetons porteurs ne sont pas disponibles.
cause-not-the-gateway = La requête ne passe pas par la passerelle.
cause-no-identity = La passerelle n’indique pas qui appelle.
# $header: name of a header
cause-unreadable-identity = L’en-tête { $header } est illisible ou présent plusieurs fois.
# $requests: a number; $period: an amount of time, such as 10s
cause-too-many-requests = Au maximum { $requests } requêtes en { $period } sont autorisées.
cause-overloaded = Trop de requêtes sont en cours de traitement en ce moment.
cause-database-unavailable = La base de données est inaccessible.
cause-not-confirmed = La base de données n’a pas confirmé à temps que la réponse est à jour.
# $seconds: how long was waited
cause-deadline-exceeded = La réponse n’était pas prête au bout de { $seconds } s.

## Faults of `filters` and `sorters`. $position counts characters from 1, $item sorters from 1.

cause-filter-too-long = La longueur du filtre, en caractères, est de { $length } ; la longueur maximale est de { $limit }.
# $expected: one or more of the messages below, separated by commas
cause-filter-unexpected = Position { $position } du filtre : « { $found } » ne peut pas figurer ici. Éléments attendus : { $expected }.
cause-filter-ends-early = Position { $position } du filtre : le filtre se termine trop tôt. Éléments attendus : { $expected }.
# $allowed: the fields, separated by commas
cause-filter-unknown-field = Position { $position } du filtre : le champ « { $given } » n’existe pas. Champs disponibles : { $allowed }.
# $allowed: the operators, separated by commas
cause-filter-operator = Position { $position } du filtre : « { $field } » ne prend pas en charge l’opérateur « { $given } ». Opérateurs pris en charge : { $allowed }.
# $expected, $given: one of the kinds below
cause-filter-wrong-type = Position { $position } du filtre : la valeur comparée à « { $field } » n’est pas du bon type. Valeur attendue : { $expected } ; valeur indiquée : { $given }.
cause-filter-unknown-name = Position { $position } du filtre : « { $given } » n’est pas une valeur de « { $field } ». Valeurs acceptées : { $expected }.
cause-filter-invalid-time = Position { $position } du filtre : « { $given } » n’est pas un horodatage tel que 2026-01-31T23:59:59Z. Si une heure est indiquée, elle doit être suivie de « Z » ou d’un décalage par rapport à UTC, dont le « + » s’écrit %2B dans une URL.
cause-filter-time-out-of-range = Position { $position } du filtre : l’horodatage « { $given } » n’est pas compris entre les années 1 et 9999.
cause-filter-number-out-of-range = Position { $position } du filtre : le nombre « { $given } » n’est pas compris entre { $min } et { $max } inclus.
cause-filter-unterminated-text = Position { $position } du filtre : la chaîne qui commence ici n’a pas de guillemet double fermant.
cause-filter-unknown-escape = Position { $position } du filtre : une barre oblique inverse doit être suivie d’une autre barre oblique inverse ou d’un guillemet double.
cause-filter-null-character = Position { $position } du filtre : le caractère NUL (U+0000) n’est pas autorisé.
# $limit: characters
cause-filter-text-too-long = Position { $position } du filtre : la chaîne qui commence ici est trop longue. Longueur maximale, en caractères : { $limit }.
# $limit: levels
cause-filter-too-deep = Position { $position } du filtre : l’imbrication des parenthèses et de « not » est trop profonde. Nombre maximal de niveaux : { $limit }.
# $limit: comparisons
cause-filter-too-many-comparisons = Position { $position } du filtre : les comparaisons sont trop nombreuses. Nombre maximal : { $limit }.
# $limit: values
cause-filter-too-many-values = Position { $position } du filtre : la liste contient trop de valeurs. Nombre maximal : { $limit }.
cause-sorter-empty = Le critère de tri { $item } est vide. Critères de tri disponibles : { $allowed }.
cause-sorter-unknown = Le critère de tri { $item }, « { $given } », est inconnu. Critères de tri disponibles : { $allowed }, chacun pouvant être précédé de « - » pour un ordre décroissant.
cause-sorter-repeated = Le critère de tri { $item } répète « { $sorter } ».

## Parts of the messages above: what can stand in a filter, and kinds of values.

expected-field = un champ
expected-operator = un opérateur
expected-end = la fin du filtre
# $word: a word or sign of the filter language
word = « { $word } »
kind-text = une chaîne entre guillemets doubles
kind-number = un nombre
kind-time = un horodatage
kind-boolean = une valeur booléenne
kind-null = null
# $names: the values, separated by commas
kind-enumeration = { $names }
